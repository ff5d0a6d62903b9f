// What asks a run for a checkpoint or for its end while it is at work: signals and --time-limit (design 2.1).
#include <gtest/gtest.h>

#include "tests/crash/resume.hpp"

namespace ntpgeo {
namespace {

class Signals : public Resume {
  protected:
    void SetUp() override {
        run_well({"data", "synth", "-o", folder_ / "long", "--vocab", "400", "--contexts", "4000",
                  "--supports", "3000", "--support-size", "2:5"});
    }
    /// A command of each verb that has runs, into a folder of its name, that lasts for seconds on a quick
    /// machine.
    [[nodiscard]] std::vector<Arguments> long_commands() const {
        return {command_of("train", {"--dim", "8", "--steps", "1000000", "--metrics-every", "50"}),
                command_of("limit", {"--tol", "2e-9"}),
                command_of("path", {"--lambda", "1e-2:1e-7:50", "--tol", "1e-7"})};
    }
    [[nodiscard]] Arguments command_of(const std::string& verb, const Arguments& more) const {
        return Arguments{verb, folder_ / "long", "-o", folder_ / verb} + more;
    }
    static std::ptrdiff_t lines_of_log(const fs::path& run) {
        if (!fs::exists(run / "log.txt")) return 0;
        const std::string text = read_file(run / "log.txt");
        return std::count(text.begin(), text.end(), '\n');
    }
};

TEST_F(Signals, Usr1WritesACheckpointAndGoesOn) {
    const Arguments options = {"--steps", "20000", "--metrics-every", "50"};
    const fs::path reference = train("reference", options), run = folder_ / "run";
    RunningProgram program(on_one_thread(command("run", options)));
    for (std::size_t wanted = 1; wanted <= 3; ++wanted) {
        ASSERT_TRUE(program.wait_until([&] { return lines_of_metrics(run) > 3 * wanted; }));
        program.send(SIGUSR1);
        // Each request has its line after the first, which says where the run began.
        const auto lines = static_cast<std::ptrdiff_t>(wanted) + 1;
        ASSERT_TRUE(program.wait_until([&] { return lines_of_log(run) == lines; }));
        EXPECT_EQ(names_beginning(run, "checkpoint-").size(), std::min<std::size_t>(wanted, 2));
    }
    const ProgramResult result = program.wait();
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    expect_contains(read_file(run / "log.txt"), ", as SIGUSR1 asked\n");
    expect_same_run(run, reference);
}

TEST_F(Signals, Usr1IsTakenFromTheFirstMomentOn) {
    // While the data are read, and L_mm is solved for or the labels are decomposed.
    for (const Arguments& command : long_commands()) {
        SCOPED_TRACE(command[0]);
        RunningProgram program(on_one_thread(command));
        ASSERT_TRUE(program.wait_until([&] { return program.handles(SIGUSR1); }));
        EXPECT_EQ(lines_of_metrics(command[3]), 0U);
        for (int k = 0; k < 5; ++k) program.send(SIGUSR1);
        ASSERT_TRUE(
            program.wait_until([&] { return names_beginning(command[3], "checkpoint-").size() == 1; }));
        EXPECT_FALSE(program.ended());
    }
}

TEST_F(Signals, HupAndTermLeaveACheckpointOfEveryVerb) {
    for (const auto& [signal, status] : {std::pair{SIGHUP, 129}, {SIGTERM, 143}, {SIGINT, 130}})
        for (const Arguments& command : long_commands()) {
            SCOPED_TRACE(command[0] + " " + std::to_string(status));
            const fs::path run = command[3];
            fs::remove_all(run);
            RunningProgram program(on_one_thread(command));
            ASSERT_TRUE(program.wait_until([&] { return lines_of_metrics(run) > 0; }));
            program.send(signal);
            const ProgramResult result = program.wait();
            expect_one_line(result, status, "interrupted at ");
            expect_contains(result.err,
                            "go on with: ntpgeo " + command[0] + " -o " + run.string() + " --resume");
            EXPECT_EQ(names_beginning(run, "checkpoint-").size(), 1U);
            expect_contains(read_file(run / "log.txt"), "interrupted at ");
        }
}

TEST_F(Signals, WhatWasIgnoredAtTheStartStaysIgnored) {
    for (const Arguments& command : long_commands()) {
        SCOPED_TRACE(command[0]);
        const fs::path run = command[3];
        RunningProgram program(Arguments{"bash", "-c", "trap '' INT HUP; exec \"$@\"", "bash"} +
                               on_one_thread(command));
        ASSERT_TRUE(program.wait_until([&] { return lines_of_metrics(run) > 0; }));
        program.send(SIGINT);
        program.send(SIGHUP);
        EXPECT_TRUE(program.ignores(SIGINT));
        EXPECT_TRUE(program.ignores(SIGHUP));
        EXPECT_FALSE(program.ended());
        EXPECT_TRUE(names_beginning(run, "checkpoint-").empty());
        program.send(SIGTERM);
        EXPECT_EQ(program.wait().status, 143);
        EXPECT_EQ(read_file(run / "log.txt").find("interrupted"),
                  read_file(run / "log.txt").rfind("interrupted"));
    }
}

TEST_F(Signals, ATerminalThatClosesMaySendHupTwiceAndTakeStderrAway) {
    const Arguments command = long_commands()[0];
    RunningProgram program(Arguments{"bash", "-c", "exec \"$@\" 2> >(exit 0)", "bash"} +
                           on_one_thread(command));
    ASSERT_TRUE(program.wait_until([&] { return lines_of_metrics(command[3]) > 0; }));
    program.send(SIGHUP);
    program.send(SIGHUP);
    program.send(SIGHUP);
    EXPECT_EQ(program.wait().status, 129);
    EXPECT_EQ(names_beginning(command[3], "checkpoint-").size(), 1U);
}

TEST_F(Signals, TheTimeLimitEndsTheCallAndIsNoSettingOfTheRun) {
    for (const Arguments& command : long_commands()) {
        SCOPED_TRACE(command[0]);
        const fs::path run = command[3];
        const ProgramResult first = run_quickly(command + Arguments{"--time-limit", "0.3"});
        expect_one_line(first, 124, "stopped by --time-limit at ");
        expect_contains(first.err, "go on with: ntpgeo " + command[0] + " -o " + run.string() + " --resume");
        EXPECT_EQ(names_beginning(run, "checkpoint-").size(), 1U);
        expect_contains(read_file(run / "log.txt"), "stopped by --time-limit at ");
        EXPECT_EQ(read_file(run / "config.json").find("time"), std::string::npos);
        const ProgramResult second = run_quickly({command[0], "-o", run, "--resume", "--time-limit", "0.2"});
        expect_one_line(second, 124, "stopped by --time-limit at ");
    }
}

TEST_F(Signals, ManyShortCallsGiveTheBitsOfOneLongCall) {
    const Arguments options = {"--steps", "3000", "--metrics-every", "50"};
    const fs::path reference = train("reference", options);
    int status = 124;
    for (int call = 0; call < 200 && status == 124; ++call)
        status = run_quickly(command("run", options + Arguments{"--resume", "--time-limit", "0.05"})).status;
    EXPECT_EQ(status, 0);
    expect_same_run(folder_ / "run", reference);
}

TEST_F(Signals, ATimeLimitIsSecondsOrAClocksTime) {
    for (const char* right :
         {"3600", "1e3", "0:0:1", "00:00:01", "100:00:00", "3-00:00:00", "1-23:59:59", "1e300"})
        run_well(
            {"train", data_, "-o", folder_ / right, "--dim", "2", "--steps", "1", "--time-limit", right});
    for (const char* wrong : {"0", "-1", "nan", "inf", "", "soon", "1:00", "1:60:00", "1:00:60", "1-24:00:00",
                              "1-00:00", "-1:00:00", "1-1", "1:2:3:4", "00:00:00", "1:00:00 ", "1.5:00:00"})
        for (const char* verb : {"train", "limit", "path"})
            expect_one_line(
                run_quickly({verb, data_, "-o", folder_ / "new", std::string("--time-limit=") + wrong}), 2,
                "--time-limit");
    EXPECT_FALSE(fs::exists(folder_ / "new"));
}

}  // namespace
}  // namespace ntpgeo
