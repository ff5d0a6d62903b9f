// A first run that failed before any checkpoint does not block its folder.
#include <gtest/gtest.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class FailedStart : public testing::Test {
  protected:
    [[nodiscard]] Arguments command(const std::string& rate) const {
        return {"train", data_, "-o", run_, "--optimizer", "gd", "--steps", "50", "--lr", rate};
    }
    void fail() const {
        expect_one_line(run_quickly(command("1e6")), 1, "no checkpoint had been written yet");
    }

    ScratchFolder folder_;
    std::string data_ = make_tiny_dataset(folder_), run_ = folder_ / "run";
};

TEST_F(FailedStart, TheSameCommandWithOtherSettingsStartsAnew) {
    for (const Arguments& resume : {Arguments{}, Arguments{"--resume"}}) {
        fs::remove_all(run_);
        fail();
        write_raw(run_ + "/notes.txt", "mine");
        run_well(command("0.1") + resume);
        EXPECT_EQ(read_file(run_ + "/notes.txt"), "mine");
        fs::remove_all(folder_ / "reference");
        Arguments reference = command("0.1");
        reference[3] = folder_ / "reference";
        run_well(reference);
        expect_same_run(run_, folder_ / "reference");
        EXPECT_EQ(read_file(run_ + "/config.json"), read_file(folder_ / "reference/config.json"));
        expect_contains(read_file(run_ + "/log.txt"), "failed before any checkpoint: ");
        // Now it holds a run like any other.
        expect_one_line(run_quickly(command("0.2")), 2, "holds another run");
        expect_one_line(run_quickly(command("0.2") + Arguments{"--resume"}), 2, "another setting of lr");
    }
}

TEST_F(FailedStart, FlagsLeftOutAreItsOwn) {
    fail();
    run_well({"train", "-o", run_, "--resume", "--lr", "0.1"});
    EXPECT_EQ(recorded_steps(run_).back(), 50);
    expect_contains(read_file(run_ + "/config.json"), "\"optimizer\": \"gd\"");
}

TEST_F(FailedStart, OneThatFailsAgainMayBeTriedAgain) {
    fail();
    fail();
    expect_one_line(run_quickly({"train", "-o", run_, "--resume"}), 1, "no checkpoint had been written yet");
    run_well(command("0.1"));
}

TEST_F(FailedStart, AnythingElseStaysBlocked) {
    // Another verb; a checkpoint or a result; a failure that was not the last word; a process at work.
    fail();
    expect_one_line(run_quickly({"limit", data_, "-o", run_}), 2, "holds another run");
    for (const char* name : {"/checkpoint-000000000010.safetensors", "/result.safetensors"}) {
        write_raw(run_ + name, "x");
        expect_one_line(run_quickly(command("0.1")), 2, "holds another run");
        fs::remove(run_ + name);
    }
    const std::string log = read_file(run_ + "/log.txt");
    write_raw(run_ + "/log.txt", log + "2026-01-01 00:00:00 training from step 0 on cpu\n");
    expect_one_line(run_quickly(command("0.1")), 2, "holds another run");
    write_raw(run_ + "/log.txt", log);
    const ProgramResult locked =
        run_program(Arguments{"flock", run_ + "/log.txt"} + on_one_thread(command("0.1")));
    expect_one_line(locked, 2, "another process is at work");
    EXPECT_EQ(read_file(run_ + "/log.txt"), log);
}

TEST_F(FailedStart, OutOfMemoryIsOneToo) {
    // Enough to begin with, and not for H of 60000·1000 numbers and what trains it: a limit of addresses,
    // which the memory that is free knows nothing of.
    run_well({"data", "synth", "-o", data_ + "-many", "--vocab", "20", "--contexts", "60000", "--supports",
              "12", "--support-size", "2:6"});
    const Arguments limited = {"bash", "-c", "ulimit -v \"$0\"; exec \"$@\"", "1500000"};
    const Arguments wide = {"train", data_ + "-many", "-o", run_,          "--dim",
                            "1000",  "--steps",       "2",  "--optimizer", "adam"};
    const ProgramResult result = run_program(limited + on_one_thread(wide));
    expect_one_line(result, 1, "out of memory");
    if (fs::exists(run_)) expect_contains(read_file(run_ + "/log.txt"), "failed before any checkpoint: ");
    Arguments narrow = wide;
    narrow[5] = "4";
    run_well(narrow);
}

}  // namespace
}  // namespace ntpgeo
