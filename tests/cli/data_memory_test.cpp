// `ntpgeo data tokens --memory`: the same data set, and nothing left behind, whatever ends it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "host/files/atomic_file.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/host/files/token_file_bytes.hpp"

namespace ntpgeo {
namespace {

using Arguments = std::vector<std::string>;

class DataMemory : public testing::Test {
  protected:
    DataMemory() {
        std::mt19937_64 random(1);
        std::uniform_real_distribution<double> uniform;
        std::vector<std::uint16_t> ids(1'500'000);
        for (std::uint16_t& id : ids) id = static_cast<std::uint16_t>(std::pow(20000.0, uniform(random)) - 1);
        write_raw(folder / "ids.bin", bytes_of(ids));
    }

    [[nodiscard]] Arguments command(const std::string& name, const Arguments& more) const {
        Arguments arguments = {
            "data",       "tokens", folder / "ids.bin", "-o",    folder / name, "--context", "3",
            "--contexts", "500",    "--vocab",          "20000", "--device",    "cpu"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names = folder.names();
        std::sort(names.begin(), names.end());
        return names;
    }
    /// The least --memory that works, as refusals name it: first for the program alone, then with counting.
    [[nodiscard]] std::string least() const {
        std::string memory = "1MB";
        for (int asked = 0; asked < 3; ++asked) {
            const ProgramResult result = run_ntpgeo(command("probe", {"--memory", memory}));
            if (result.status == 0) break;
            EXPECT_EQ(result.status, 2);
            EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
            EXPECT_FALSE(std::filesystem::exists(folder / "probe"));
            const std::size_t at = result.err.find("give --memory ") + 14;
            memory = result.err.substr(at, result.err.find(' ', at) - at);
            if (memory.ends_with('\n')) memory.pop_back();
        }
        std::filesystem::remove(folder / "probe");
        return memory;
    }

    const ScratchFolder folder;
};

TEST_F(DataMemory, ADryRunCountsTheBeginningAloneAndSaysWhatItAllTakes) {
    const std::vector<std::string> before = names();
    const ProgramResult whole = run_ntpgeo(command("out", {"--dry-run"})),
                        cramped = run_ntpgeo(command("out", {"--dry-run", "--memory", least()}));
    ASSERT_EQ(whole.status, 0) << whole.err;
    ASSERT_EQ(cramped.status, 0) << cramped.err;
    for (const ProgramResult* result : {&whole, &cramped})
        for (const char* part :
             {"1500000 tokens", "keys of 8 bytes", "memory", "about", "nothing: a dry run"})
            EXPECT_NE(result->out.find(part), std::string::npos) << part << " is not in " << result->out;
    EXPECT_NE(whole.out.find("in 1 run\n"), std::string::npos) << whole.out;
    EXPECT_EQ(whole.out.find("disk"), std::string::npos) << whole.out;
    EXPECT_NE(cramped.out.find("disk"), std::string::npos) << cramped.out;
    EXPECT_EQ(run_ntpgeo(command("out", {"--dry-run", "--memory", "1MB"})).status, 2);
    EXPECT_EQ(names(), before);
}

TEST_F(DataMemory, TheLeastIsNamedAndChangesNoByteOfTheDataSet) {
    const ProgramResult plain = run_ntpgeo(command("plain", {}));
    ASSERT_EQ(plain.status, 0) << plain.err;
    expect_contains(plain.out, "next token  ");
    const ProgramResult small = run_ntpgeo(command("small", {"--memory", least()}));
    ASSERT_EQ(small.status, 0) << small.err;
    EXPECT_TRUE(read_file(folder / "plain") == read_file(folder / "small"));
    EXPECT_EQ(small.out.substr(0, small.out.find("written")), plain.out.substr(0, plain.out.find("written")));
    EXPECT_EQ(names(), (std::vector<std::string>{"ids.bin", "plain", "small"}));
}

TEST_F(DataMemory, SizesAreSizes) {
    for (const std::string wrong : {"0", "much", "2XB", "-1GB", "1e30GB", ""}) {
        const ProgramResult result = run_ntpgeo(command("ds", {"--memory", wrong}));
        EXPECT_EQ(result.status, 2) << wrong;
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    }
    for (const std::string right : {"2GB", "0.5GiB", "900000000"})
        EXPECT_EQ(run_ntpgeo(command("ds", {"--memory", right})).status, 0) << right;
}

TEST_F(DataMemory, AKillLeavesNothingAndTheNextRunIsRight) {
    using Clock = std::chrono::steady_clock;
    const Arguments wanted = command("ds", {"--memory", least()});
    const Clock::time_point start = Clock::now();
    ASSERT_EQ(run_ntpgeo(wanted).status, 0);
    const Clock::duration whole = Clock::now() - start;
    const std::string expected = read_file(folder / "ds");
    std::filesystem::remove(folder / "ds");
    for (int moment = 1; moment < 6; ++moment) {
        Arguments program_and_arguments = {NTPGEO_BINARY};
        program_and_arguments.insert(program_and_arguments.end(), wanted.begin(), wanted.end());
        RunningProgram program(program_and_arguments);
        std::this_thread::sleep_for(whole * moment / 6);
        program.send(SIGKILL);
        static_cast<void>(program.wait());
        std::filesystem::remove(folder / "ds");  // where it was done by then
        EXPECT_EQ(names(), std::vector<std::string>{"ids.bin"}) << moment;
    }
    ASSERT_EQ(run_ntpgeo(wanted).status, 0);
    EXPECT_TRUE(read_file(folder / "ds") == expected);
}

}  // namespace
}  // namespace ntpgeo
