// A --tol that fp64 cannot certify is refused with the least that can, and that one is reached.
#include <gtest/gtest.h>

#include <string>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class Tolerance : public testing::Test {
  protected:
    /// What a command refused at 1e-17 says can be certified; it leaves nothing behind.
    std::string least(const Arguments& command) const {
        const auto before = contents(folder_.path());
        const ProgramResult result = run_quickly(command + Arguments{"--tol", "1e-17"});
        expect_one_line(result, 2, "a tolerance of 1e-17 cannot be certified in fp64");
        EXPECT_EQ(contents(folder_.path()), before);
        const std::string said = "the least that can is ";
        const std::size_t at = result.err.find(said);
        EXPECT_NE(at, std::string::npos) << result.err;
        return at == std::string::npos ? "" : result.err.substr(at + said.size(), 7);
    }

    ScratchFolder folder_;
};

TEST_F(Tolerance, TheLeastThatIsSaidIsReached) {
    const std::string data = make_tiny_dataset(folder_);
    const std::vector<Arguments> commands = {
        {"limit", data, "-o", folder_ / "limit"},
        {"path", data, "-o", folder_ / "path", "--lambda", "1e-1:1e-8:1"},
        {"path", data, "-o", folder_ / "one", "--lambda", "1e-3:1e-3:1"}};
    for (const Arguments& command : commands) {
        SCOPED_TRACE(command[3]);
        const std::string tolerance = least(command);
        const std::string out = run_well(command + Arguments{"--tol", tolerance}).out;
        EXPECT_EQ(out.find("not every point"), std::string::npos) << out;
        const std::vector<Json> all = records(command[3]);
        for (std::size_t k = command[0] == "path" ? 0 : all.size() - 1; k < all.size(); ++k) {
            EXPECT_LE(all[k]["relative_gap"].get<double>(), std::stod(tolerance));
        }
        EXPECT_LT(std::stod(tolerance), 1e-9);
    }
}

// The least is that of the grid at hand, not of all that the data could be asked for.
TEST_F(Tolerance, AGridThatRoundingSparesMayAskForLess) {
    const std::string data = make_tiny_dataset(folder_);
    const Arguments path = {"path", data, "-o", folder_ / "run", "--lambda"};
    EXPECT_LT(std::stod(least(path + Arguments{"1:1:1"})),
              0.5 * std::stod(least(path + Arguments{"1e-4:1e-4:1"})));
}

}  // namespace
}  // namespace ntpgeo
