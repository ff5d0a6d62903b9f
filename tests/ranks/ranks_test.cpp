// ntpgeo on ranks that the launchers of Open MPI and MPICH start: the same bits, whatever happens to a rank.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/ranks/ranks_fixture.hpp"

namespace ntpgeo {
namespace {

const Arguments sharded{"--shards", "7"};

TEST_F(Ranks, HaveTheBitsOfOneProcessOfAsManyShards) {
    const Arguments options{"--steps", "60", "--metrics-every", "20"};
    const fs::path alone = train("alone", options + Arguments{"--shards", "16"});
    const std::vector<std::pair<const Launcher*, std::vector<int>>> jobs{
        {&open_mpi, {2, 3, 4}}, {&bound, {1, 2}}, {&mpich, {1, 3}}};
    for (const auto& [launcher, numbers] : jobs)
        for (const int ranks : numbers) {
            SCOPED_TRACE(launcher->command.back() + " " + std::to_string(ranks));
            const std::string name = launcher->command.back() + std::to_string(ranks);
            run_well_on(*launcher, ranks, command(name, options));
            expect_same_run(folder_ / name, alone);
            EXPECT_EQ(read_file(fs::path(folder_ / name) / "config.json"), read_file(alone / "config.json"));
        }
}

TEST_F(Ranks, HaveThemWhateverTrains) {
    std::ofstream(folder_ / "stages.json") << stages;
    std::vector<Arguments> ways = optimizers();
    ways.push_back({"--optimizer", "ngd", "--lambda", "1e-3"});
    ways.push_back({"--optimizer", "sign", "--freeze", "contexts"});
    ways.push_back({"--batch", "9", "--sampling", "weights", "--lambda", "1e-3"});
    ways.push_back({"--lambda", "1e-2", "--certify-every", "20"});
    for (Arguments& way : ways) way = way + Arguments{"--steps", "40", "--metrics-every", "20"};
    ways.push_back({"--config", folder_ / "stages.json"});
    for (std::size_t k = 0; k < ways.size(); ++k) {
        SCOPED_TRACE(ways[k][0] + " " + ways[k][1]);
        const std::string name = std::to_string(k);
        const fs::path alone = train("alone" + name, ways[k] + sharded);
        run_well_on(k % 2 == 0 ? open_mpi : mpich, 3, command("ranks" + name, ways[k] + sharded));
        expect_same_run(folder_ / ("ranks" + name), alone);
    }
}

TEST_F(Ranks, GoOnInAnyNumberUnderAnyMpi) {
    const fs::path alone = train("alone", sharded + Arguments{"--steps", "200", "--metrics-every", "20"});
    const fs::path run = folder_ / "run";
    const auto go_on = [&](const char* steps) {
        return Arguments{"train", "-o", run, "--resume", "--steps", steps};
    };
    run_well_on(open_mpi, 4, command("run", sharded + Arguments{"--steps", "50", "--metrics-every", "20"}));
    EXPECT_EQ(names_beginning(run, "checkpoint-").size(), 5U);  // four parts and their index
    run_well_on(mpich, 2, go_on("100"));
    run_well_on(open_mpi, 3, go_on("150"));
    run_well(go_on("200"));
    expect_same_run(run, alone);
    // One that is finished is nobody's work.
    const auto before = contents(run);
    run_well_on(mpich, 2, Arguments{"train", "-o", run, "--resume", "--rank-timeout", "5"});
    EXPECT_EQ(contents(run), before);
    // What reads a run reads its parts, too.
    fs::remove(run / "result.safetensors");
    const std::string record = timeless(run_well({"analyze", run}).out);
    fs::remove_all(run);
    fs::rename(alone, run);
    EXPECT_EQ(timeless(run_well({"analyze", run}).out), record);
}

TEST_F(Ranks, OneThatIsKilledEndsAllAndTheRunGoesOn) {
    const Arguments options =
        sharded + Arguments{"--steps",        "3000", "--metrics-every", "500", "--checkpoint-every", "200",
                            "--rank-timeout", "20"};
    const fs::path alone = train("alone", options), run = folder_ / "run";
    for (const auto& [launcher, ranks] : {std::pair(&open_mpi, 3), std::pair(&mpich, 2)}) {
        fs::remove_all(run);
        RunningProgram job(launcher->start(ranks, Arguments{NTPGEO_BINARY} + command("run", options)));
        ASSERT_TRUE(job.wait_until([&] { return names_beginning(run, "checkpoint-").size() > 3; }));
        ::kill(processes().back(), SIGKILL);
        EXPECT_NE(job.wait().status, 0);
        EXPECT_TRUE(all_end());
        run_well_on(mpich, 3, command("run", options + Arguments{"--resume"}));
        expect_same_run(run, alone);
    }
}

TEST_F(Ranks, OneThatStopsEndsAllInTime) {
    for (const Launcher* launcher : {&open_mpi, &mpich}) {
        const fs::path run = folder_ / launcher->name;
        RunningProgram job(launcher->start(
            3, Arguments{NTPGEO_BINARY} + command(launcher->name, {"--steps", "100000000", "--metrics-every",
                                                                   "1000", "--rank-timeout", "1.5"})));
        ASSERT_TRUE(job.wait_until([&] { return lines_of_metrics(run) > 1; }));
        ::kill(processes()[1], SIGSTOP);
        expect_one_of_ours(job.wait(), "has waited 1 s in ");
        EXPECT_TRUE(all_end());
    }
}

TEST_F(Ranks, SignalsAreHeededAtOneStepByAll) {
    for (const Launcher* launcher : {&open_mpi, &mpich}) {
        const fs::path run = folder_ / launcher->name;
        const Arguments options{"--steps", "100000000", "--metrics-every", "1000"};
        RunningProgram job(launcher->start(3, Arguments{NTPGEO_BINARY} + command(launcher->name, options)));
        ASSERT_TRUE(job.wait_until([&] { return lines_of_metrics(run) > 0; }));
        ::kill(processes()[1], SIGUSR1);  // one of them
        ASSERT_TRUE(job.wait_until([&] { return names_beginning(run, "checkpoint-").size() == 4; }));
        for (const pid_t process : processes()) ::kill(process, SIGTERM);
        expect_one_of_ours(job.wait(), "interrupted at step ");
        EXPECT_EQ(names_beginning(run, "checkpoint-").size(), 8U);
        expect_contains(read_file(run / "log.txt"), ", as SIGUSR1 asked\n");
    }
}

TEST_F(Ranks, APartThatCannotBeWrittenIsOneLine) {
    const Arguments options =
                        sharded + Arguments{"--metrics-every", "20", "--checkpoint-every", "20", "--steps"},
                    all = options + Arguments{"40", "--resume"};
    const fs::path alone = train("alone", all), run = folder_ / "run";
    run_well_on(mpich, 2, command("run", options + Arguments{"20"}));
    const fs::path in_the_way = run / "checkpoint-000000000040.part-00002-of-00002.safetensors";
    fs::create_directory(in_the_way);
    expect_one_of_ours(on(mpich, 2, command("run", all)), in_the_way.filename());
    fs::remove(in_the_way);
    EXPECT_EQ(names_beginning(run, "checkpoint-000000000040").size(), 1U);  // the other's part, without index
    run_well_on(open_mpi, 3, command("run", all));
    expect_same_run(run, alone);
}

TEST_F(Ranks, ACheckpointWithoutItsIndexIsNoneAndNothingElseIsSwept) {
    const Arguments options =
        sharded +
        Arguments{"--steps", "60", "--metrics-every", "20", "--checkpoint-every", "20", "--keep-checkpoints",
                  "9"};
    const fs::path alone = train("alone", options), run = folder_ / "run";
    run_well_on(mpich, 2, command("run", options));
    for (const char* const gone : {"result.safetensors", "checkpoint-000000000060.safetensors",
                                   "checkpoint-000000000040.part-00001-of-00002.safetensors"})
        fs::remove(run / gone);
    const std::vector<std::string> users{"checkpoint-000000000060.part-1-of-2.safetensors",
                                         "checkpoint-60.part-00001-of-00002.safetensors",
                                         "checkpoint-000000000070.part-00001-of-00002.safetensors.old"};
    for (const std::string& name : users) std::ofstream(run / name) << "mine";
    const ProgramResult result = on(open_mpi, 3, command("run", options + Arguments{"--resume"}));
    EXPECT_EQ(result.status, 0) << result.err;
    // The one at step 40 lacks a part: it is passed over in a line.
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    expect_contains(result.err, "checkpoint-000000000040.safetensors is damaged");
    expect_same_run(run, alone);
    for (const std::string& name : users) EXPECT_EQ(read_file(run / name), "mine");
}

TEST_F(Ranks, AnalyzeTogetherWhatOneProcessOfAsManyShardsDoes) {
    const fs::path run = train("run", {"--steps", "20"});
    const std::string alone = timeless(run_well({"analyze", run, "--shards", "16"}).out);
    for (const Launcher* mpi : {&open_mpi, &mpich})
        for (const int ranks : {1, 2, 3}) {
            const ProgramResult found = on(*mpi, ranks, {"analyze", run, "-o", folder_ / "kept"});
            EXPECT_EQ(timeless(found.out), alone) << found.err;
            EXPECT_NE(read_file(fs::path(folder_ / "kept") / "config.json").find("\"shards\": 16"),
                      std::string::npos);
            fs::remove_all(folder_ / "kept");
        }
    EXPECT_EQ(timeless(on(mpich, 3, {"analyze", run, "--shards", "7"}).out),
              timeless(run_well({"analyze", run, "--shards", "7"}).out));
}

TEST_F(Ranks, WhatIsWrongIsOneLine) {
    train("unsharded", {"--steps", "5"});
    train("sharded", {"--steps", "5", "--shards", "4"});
    const auto before = contents(folder_ / "unsharded");
    const auto refused = [&](int ranks, const Arguments& arguments, const std::string& said) {
        for (const Launcher* launcher : {&open_mpi, &mpich}) {
            const ProgramResult result = on(*launcher, ranks, arguments);
            EXPECT_EQ(result.status, 2) << result.err;
            expect_one_of_ours(result, said);
        }
    };
    const auto fresh = [&](const Arguments& more) { return command("new", more); };
    refused(2, {"train", "-o", folder_ / "unsharded", "--resume", "--steps", "9"},
            "shards: the run was begun without");
    refused(2, {"train", "-o", folder_ / "sharded", "--resume", "--shards", "5"},
            "cannot be resumed with another setting of shards");
    refused(3, fresh({"--shards", "2"}), "shards: 2 are fewer than the 3 ranks; give --shards 3 or more");
    refused(2, fresh({"--shards", "21"}), "shards: 21 are more than the 20 words of the data set");
    refused(2, fresh({"--device", "cuda"}), "device: 'cuda' needs a GPU for each rank, and rank 0 has none");
    refused(2, {"train", folder_ / "nothing", "-o", folder_ / "new"}, "nothing: cannot be opened");
    refused(2, fresh({"--steps", "-1"}), "--steps: '-1' is not a whole number");
    refused(3, {"analyze", folder_ / "sharded", "--shards", "2"}, "shards: 2 are fewer than the 3 ranks");
    refused(2, {"analyze", folder_ / "sharded", "--device", "cuda"},
            "needs a GPU for each rank, and rank 0 has");
    refused(2, {"concepts", folder_ / "sharded"}, "concepts: runs in one process, and mpirun of ");
    refused(2, {"data", "info", data_}, "data info: runs in one process");
    EXPECT_FALSE(fs::exists(folder_ / "new"));
    EXPECT_EQ(contents(folder_ / "unsharded"), before);
    expect_one_line(run_quickly(fresh({"--sums", "fast"})), 2, "sums: is that of shards");
    // More ranks than the data set has rows.
    run_well({"data", "synth", "-o", folder_ / "two", "--vocab", "8", "--contexts", "2", "--supports", "2",
              "--support-size", "2:3"});
    refused(3, {"train", folder_ / "two", "-o", folder_ / "new"}, "3 ranks are more than the 2 contexts");
}

TEST_F(Ranks, ALauncherWithoutATransportIsOneLine) {
    const auto with = [&](const Arguments& variables, const Arguments& more) {
        return run_program(Arguments{"env"} + variables + Arguments{NTPGEO_BINARY} + command("new", more));
    };
    const Arguments torchrun{"RANK=0", "WORLD_SIZE=2", "LOCAL_RANK=0", "MASTER_ADDR=here", "MASTER_PORT=1"};
    expect_one_line(with(torchrun, {"--device", "cpu"}), 2, "on CPUs start the 2 ranks by mpirun");
    const ProgramResult alone = with({"OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=0"}, {});
    EXPECT_EQ(alone.status, 2);
    expect_one_of_ours(alone, "each finds itself alone");
    // Neither Slurm's variables nor half of torchrun's make a rank.
    for (const Arguments& none :
         {Arguments{"SLURM_NTASKS=4", "SLURM_PROCID=0"}, Arguments{"RANK=0", "WORLD_SIZE=2"}}) {
        EXPECT_EQ(with(none, {"--steps", "2"}).status, 0);
        fs::remove_all(folder_ / "new");
    }
}

class TeamOfMpi : public Ranks {
  protected:
    /// Ranks of the program beside this one, under both launchers.
    template <class Expect>
    void run_team(const std::string& what, int ranks, const std::string& deadline, const Expect& expect) {
        for (const Launcher* launcher : {&open_mpi, &mpich}) {
            SCOPED_TRACE(launcher->name);
            expect(
                run_program(launcher->start(ranks, {NTPGEO_TEAM_PROGRAM, what, deadline, launcher->name})));
        }
    }
};

TEST_F(TeamOfMpi, CarriesRowsAndAgrees) {
    for (const int ranks : {2, 5})
        run_team("operations", ranks, "30", [](const ProgramResult& result) {
            EXPECT_EQ(result.status, 0) << result.err;
            EXPECT_EQ(result.out, "ok\n");
        });
}

TEST_F(TeamOfMpi, WaitsForTheFirstRankHoweverLong) {
    run_team("wait", 3, "0.5", [](const ProgramResult& result) {
        EXPECT_EQ(result.status, 0) << result.err;
        EXPECT_EQ(result.out, "ok\n");
    });
}

TEST_F(TeamOfMpi, EndsWhereOneRankIsNotThere) {
    for (const char* what : {"skip", "other"})
        run_team(what, 3, "1",
                 [](const ProgramResult& result) { expect_one_of_ours(result, "rank ", "team: "); });
    run_team("throw", 3, "20",
             [](const ProgramResult& result) { expect_one_of_ours(result, "rank 1 fails alone", "team: "); });
}

}  // namespace
}  // namespace ntpgeo
