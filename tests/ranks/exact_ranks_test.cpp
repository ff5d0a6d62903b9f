// limit and path on ranks: the same bits, whatever happens to a rank.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/ranks/ranks_fixture.hpp"

namespace ntpgeo {
namespace {

class ExactRanks : public Ranks {
  protected:
    /// Rows that are solved for: more than words, and fewer.
    const std::vector<std::pair<std::string, std::string>> shapes_{{"30", "90"}, {"80", "25"}};

    std::string data_of(const std::pair<std::string, std::string>& shape) {
        const fs::path file = folder_ / (shape.first + ".safetensors");
        if (!fs::exists(file))
            run_well({"data", "synth", "-o", file, "--vocab", shape.first, "--contexts", shape.second,
                      "--supports", shape.second, "--support-size", "2:5"});
        return file;
    }
    static void expect_same(const fs::path& run, const fs::path& expected) {
        expect_same_run(run, expected);
        EXPECT_EQ(read_file(run / "config.json"), read_file(expected / "config.json"));
    }
};

TEST_F(ExactRanks, HaveTheBitsOfOneProcessOfAsManyShards) {
    for (const auto& shape : shapes_)
        for (const Arguments& verb : {Arguments{"limit", data_of(shape), "--tol", "1e-8"},
                                      Arguments{"path", data_of(shape), "--lambda", "1e-1:1e-4:1"}}) {
            const fs::path alone = folder_ / "alone", seven = folder_ / "seven", run = folder_ / "run";
            run_well(verb + Arguments{"-o", alone, "--shards", "16"});
            run_well(verb + Arguments{"-o", seven, "--shards", "7"});
            const std::vector<std::pair<const Launcher*, int>> jobs{
                {&open_mpi, 2}, {&open_mpi, 4}, {&bound, 1}, {&mpich, 3}};
            for (const auto& [launcher, ranks] : jobs) {
                SCOPED_TRACE(verb[0] + " of " + shape.first + " words, " + launcher->name + " " +
                             std::to_string(ranks));
                run_well_on(*launcher, ranks, verb + Arguments{"-o", run});
                expect_same(run, alone);
                fs::remove_all(run);
            }
            run_well_on(mpich, 2, verb + Arguments{"-o", run, "--shards", "7"});
            expect_same(run, seven);
            for (const fs::path& made : {alone, seven, run}) fs::remove_all(made);
        }
}

// A checkpoint of three ranks; one is killed, and what is left goes on in any number, to the same end.
TEST_F(ExactRanks, GoOnInAnyNumberUnderAnyMpi) {
    const fs::path run = folder_ / "run", one = folder_ / "one";
    RunningProgram job(mpich.start(3, {NTPGEO_BINARY, "path", data_of(shapes_[0]), "-o", run, "--lambda",
                                       "1e-1:1e-8:40", "--rank-timeout", "20"}));
    ASSERT_TRUE(job.wait_until([&] { return lines_of_metrics(run) > 0; }));
    ::kill(processes()[1], SIGUSR1);  // one of them
    ASSERT_TRUE(job.wait_until([&] { return !names_beginning(run, "checkpoint-").empty(); }));
    ::kill(processes().back(), SIGKILL);
    EXPECT_NE(job.wait().status, 0);
    EXPECT_TRUE(all_end());
    fs::copy(run, one, fs::copy_options::recursive);
    run_well({"path", "-o", one, "--resume"});
    run_well_on(open_mpi, 2, {"path", "-o", run, "--resume"});
    expect_same(run, one);
    EXPECT_EQ(lines_of_metrics(run), 281U);
    const auto before = contents(run);  // one that is finished is nobody's work
    run_well_on(mpich, 2, {"path", "-o", run, "--resume"});
    EXPECT_EQ(contents(run), before);
}

TEST_F(ExactRanks, AreEndedByASignalAtOneIteration) {
    const fs::path run = folder_ / "run";
    for (const Launcher* launcher : {&open_mpi, &mpich}) {
        fs::remove_all(run);
        RunningProgram job(launcher->start(2, {NTPGEO_BINARY, "path", data_of(shapes_[1]), "-o", run,
                                               "--lambda", "1e-1:1e-8:300", "--rank-timeout", "20"}));
        ASSERT_TRUE(job.wait_until([&] { return lines_of_metrics(run) > 0; }));
        for (const pid_t process : processes()) ::kill(process, SIGTERM);
        expect_one_of_ours(job.wait(), "; go on with: ntpgeo path -o ");
        EXPECT_EQ(names_beginning(run, "checkpoint-").size(), 1U);
        EXPECT_TRUE(all_end());
    }
}

TEST_F(ExactRanks, WhatIsWrongIsOneLine) {
    const std::string data = data_of(shapes_[1]);
    run_well({"limit", data, "-o", folder_ / "unsharded"});
    const auto refused = [&](int ranks, const Arguments& arguments, const std::string& said) {
        for (const Launcher* launcher : {&open_mpi, &mpich}) {
            const ProgramResult result = on(*launcher, ranks, arguments + Arguments{"-o", folder_ / "new"});
            EXPECT_EQ(result.status, 2) << result.err;
            expect_one_of_ours(result, said);
        }
    };
    refused(3, {"limit", data, "--shards", "2"}, "shards: 2 are fewer than the 3 ranks");
    refused(2, {"limit", data, "--shards", "26"},
            "shards: 26 are more than the 25 support classes of the data set");
    refused(2, {"path", data, "--shards", "26"},
            "26 are more than the 25 groups of contexts of equal labels");
    refused(2, {"limit", data, "--tol", "1e-30"}, "cannot be certified in fp64");
    refused(2, {"path", data, "--tol", "1e-18"}, "cannot be certified in fp64");
    refused(2, {"path", data, "--device", "cuda"}, "needs a GPU for each rank, and rank 0 has none");
    EXPECT_FALSE(fs::exists(folder_ / "new"));
    const ProgramResult begun = on(mpich, 2, {"limit", "-o", folder_ / "unsharded", "--resume"});
    EXPECT_EQ(begun.status, 2);
    expect_one_of_ours(begun, "shards: the run was begun without");
}

}  // namespace
}  // namespace ntpgeo
