// How `ntpgeo limit` ends: certified, or stopped with a way on; and that its last record is the result's.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "tests/problems.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class LimitEnd : public testing::Test {
  protected:
    /// Contexts i with the words i .. i + width − 1, round a ring or cut off at the end.
    void use(std::int32_t vocab, std::int32_t width, bool ring) {
        std::vector<std::vector<std::int32_t>> supports;
        std::vector<std::vector<double>> probs;
        for (std::int32_t i = 0; i < vocab; ++i) {
            std::vector<std::int32_t> support;
            for (std::int32_t k = 0; k < width; ++k)
                if (ring || i + k < vocab) support.push_back((i + k) % vocab);
            std::sort(support.begin(), support.end());
            probs.emplace_back(support.size(), 1.0 / static_cast<double>(support.size()));
            supports.push_back(support);
        }
        write_dataset(data_, make_dataset(vocab, supports, probs));
    }
    [[nodiscard]] ProgramResult run(const char* tolerance) const {
        return run_well({"limit", data_, "-o", run_, "--tol", tolerance});
    }
    [[nodiscard]] ProgramResult resume() const { return run_well({"limit", "-o", run_, "--resume"}); }
    /// The last record says of the result's own matrix what it is.
    Json expect_last_record_of_result(bool finished) const {
        const Json last = records(run_).back();
        const SafetensorsFile result(run_ / "result.safetensors");
        const std::vector<double> sigma = result.read<double>("sigma", 1);
        const double norm = std::accumulate(sigma.begin(), sigma.end(), 0.0);
        EXPECT_NEAR(last["nuclear_norm"].get<double>() / norm, 1, 1e-8);
        EXPECT_EQ(
            last["rank"].get<std::int64_t>(),
            std::count_if(sigma.begin(), sigma.end(), [&](double value) { return value > 1e-6 * sigma[0]; }));
        EXPECT_EQ(result.metadata_number<double>("relative_gap"), last["relative_gap"].get<double>());
        EXPECT_EQ(result.metadata_number<std::int64_t>("step"), last["iterations"].get<std::int64_t>());
        EXPECT_TRUE(result.metadata_is("finished", finished ? "true" : "false"));
        double gap = 1;
        for (const Json& record : records(run_)) {  // the best norm and the best bound only get better
            EXPECT_LE(record["relative_gap"].get<double>(), gap);
            gap = record["relative_gap"].get<double>();
        }
        return last;
    }

    ScratchFolder folder_;
    fs::path data_ = folder_ / "data", run_ = folder_ / "run";
};

TEST_F(LimitEnd, ARingIsCertified) {
    use(100, 3, true);
    const std::string out = run("1e-6").out;
    EXPECT_EQ(out.find("stopped"), std::string::npos);
    const Json last = expect_last_record_of_result(true);
    EXPECT_LE(last["relative_gap"].get<double>(), 1e-6);
    EXPECT_NEAR(last["nuclear_norm"].get<double>(), 132.15536, 2e-4);
    expect_contains(resume().out, "finished already");
}

// So tight a tolerance that the iterations that a run is given do not suffice, by far.
TEST_F(LimitEnd, ARunThatStopsSaysSoAndGoesOn) {
    use(85, 2, false);
    expect_contains(run("5e-11").out, "stopped after");
    const Json stopped = expect_last_record_of_result(false);
    EXPECT_GT(stopped["relative_gap"].get<double>(), 5e-11);
    EXPECT_EQ(names_beginning(run_, "checkpoint-").size(), 1U);
    expect_contains(read_file(run_ / "log.txt"), "stopped after");
    const std::size_t before = records(run_).size();
    const std::string out = resume().out;
    EXPECT_EQ(out.find("finished already"), std::string::npos);
    EXPECT_GT(records(run_).size(), before);
    EXPECT_EQ(records(run_)[before - 1], stopped);
    const bool again = out.find("stopped after") != std::string::npos;
    const Json last = expect_last_record_of_result(!again);
    EXPECT_GT(last["iterations"].get<std::int64_t>(), stopped["iterations"].get<std::int64_t>());
}

}  // namespace
}  // namespace ntpgeo
