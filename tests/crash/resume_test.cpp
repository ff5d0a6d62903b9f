// Runs that are stopped, killed or starved of disk at any moment and go on: the same bits as uninterrupted
// (design 2.1).
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "host/files/safetensors.hpp"
#include "tests/crash/resume.hpp"

namespace ntpgeo {
namespace {

TEST_F(Resume, AStoppedRunLeavesACheckpointAndGoesOn) {
    const Arguments options = {"--steps", "20000", "--metrics-every", "50"};
    const fs::path reference = train("reference", options);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        SCOPED_TRACE(signal);
        const fs::path run = folder_ / std::to_string(signal);
        RunningProgram program(on_one_thread(command(run.filename(), options)));
        ASSERT_TRUE(program.wait_until([&] { return lines_of_metrics(run) > 3; }));
        program.send(signal);
        const ProgramResult stopped = program.wait();
        expect_one_line(stopped, 128 + signal, "interrupted at step ");
        expect_contains(stopped.err, "--resume");
        EXPECT_EQ(names_beginning(run, "checkpoint-").size(), 1U);
        EXPECT_FALSE(fs::exists(run / "result.safetensors"));
        run_well({"train", "-o", run, "--resume"});
        expect_same_run(run, reference);
        double before = 0;  // the time that a run has taken is counted on
        for (const Json& record : records(run)) {
            EXPECT_GE(record["time_s"].get<double>(), before);
            before = record["time_s"];
        }
    }
}

TEST_F(Resume, ARunKilledAgainAndAgainHasTheSameBits) {
    std::mt19937 random(20240815);
    for (std::size_t k = 0; k < optimizers().size(); ++k) {
        SCOPED_TRACE(optimizers()[k][1] + " " + std::to_string(k));
        const Arguments options =
            optimizers()[k] + Arguments{"--steps", "400", "--checkpoint-every", "40", "--metrics-every", "3"};
        const auto start = std::chrono::steady_clock::now();
        const fs::path reference = train("reference" + std::to_string(k), options);
        const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
        const std::string name = "run" + std::to_string(k);
        int killed = 0;
        for (int attempt = 0; attempt < 6; ++attempt) {
            RunningProgram program(on_one_thread(command(name, options + Arguments{"--resume"})));
            std::this_thread::sleep_for(whole * std::uniform_real_distribution(0.0, 0.5)(random));
            program.send(SIGKILL);
            killed += program.wait().status == 128 + SIGKILL ? 1 : 0;
        }
        EXPECT_GE(killed, 1);
        run_well(command(name, options + Arguments{"--resume"}));
        expect_same_run(folder_ / name, reference);
    }
}

TEST_F(Resume, AScheduleOfStagesGoesOnFromAnyCheckpoint) {
    write_raw(folder_ / "stages.json", stages);
    const Arguments options = {"--config", folder_ / "stages.json", "--checkpoint-every",
                               "1",        "--keep-checkpoints",    "100000"};
    const fs::path reference = train("reference", options);
    const std::vector<std::string> checkpoints = names_beginning(reference, "checkpoint-");
    ASSERT_GT(checkpoints.size(), 220U);
    // The runs that go on need not write as many.
    std::string config = read_file(reference / "config.json");
    const std::string every = "\"checkpoint_every\": ";
    config.replace(config.find(every + "1"), every.size() + 1, every + "0");
    // Before, at and after each boundary; the floor of the fourth stage lies somewhere in between.
    std::vector<std::size_t> starts = {0, 58, 59, 60, 118, 119, 120, 178, 179, 180};
    for (std::size_t back = 0; back < 44; back += 4) starts.push_back(checkpoints.size() - 1 - back);
    for (const std::size_t start : starts) {
        const std::string& name = checkpoints.at(start);
        SCOPED_TRACE(name);
        const fs::path run = folder_ / "run";
        fs::remove_all(run);
        fs::create_directory(run);
        for (const std::string& file : {std::string("metrics.jsonl"), name})
            fs::copy_file(reference / file, run / file);
        write_raw(run / "config.json", config);
        run_well({"train", "-o", run, "--resume"});
        expect_same_run(run, reference);
    }
    const SafetensorsFile last(reference / checkpoints.back());
    EXPECT_EQ(last.metadata().at("stage"), "5");
}

TEST_F(Resume, AScheduleKilledAgainAndAgainHasTheSameBits) {
    write_raw(folder_ / "stages.json", stages);
    const Arguments options = {"--config", folder_ / "stages.json", "--checkpoint-every", "17"};
    const auto start = std::chrono::steady_clock::now();
    const fs::path reference = train("reference", options);
    const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
    std::mt19937 random(7);
    int killed = 0;
    for (int attempt = 0; attempt < 8; ++attempt) {
        RunningProgram program(on_one_thread(command("run", options + Arguments{"--resume"})));
        std::this_thread::sleep_for(whole * std::uniform_real_distribution(0.0, 0.5)(random));
        program.send(SIGKILL);
        killed += program.wait().status == 128 + SIGKILL ? 1 : 0;
    }
    EXPECT_GE(killed, 1);
    run_well(command("run", options + Arguments{"--resume"}));
    expect_same_run(folder_ / "run", reference);
}

TEST_F(Resume, ASignalBeforeTheFirstStepLeavesACheckpointToo) {
    const fs::path run = folder_ / "run";
    const Arguments options = {"--steps", "30"};
    // Stopped in its first moments: as soon as the folder is there.
    for (const int signal : {SIGTERM, SIGINT}) {
        fs::remove_all(run);
        // The labels' decomposition keeps the run from its first step for a while.
        const std::string large = folder_ / "large";
        if (!fs::exists(large))
            run_well({"data", "synth", "-o", large, "--vocab", "700", "--contexts", "1500"});
        const Arguments start = {"train", large, "-o", run, "--dim", "8", "--steps", "30"};
        RunningProgram program(on_one_thread(start));
        ASSERT_TRUE(program.wait_until([&] { return fs::exists(run / "log.txt"); }));
        program.send(signal);
        const ProgramResult stopped = program.wait();
        expect_one_line(stopped, 128 + signal, "interrupted at step 0");
        EXPECT_EQ(names_beginning(run, "checkpoint-"),
                  std::vector<std::string>{"checkpoint-000000000000.safetensors"});
        run_well({"train", "-o", run, "--resume"});
        if (!fs::exists(folder_ / "reference"))
            run_well({"train", large, "-o", folder_ / "reference", "--dim", "8", "--steps", "30"});
        expect_same_run(run, folder_ / "reference");
    }
}

#if !defined(__SANITIZE_ADDRESS__)  // which asks for more addresses than any limit leaves
TEST_F(Resume, AStageThatFindsNoMemoryLeavesTheCheckpointBeforeIt) {
    write_raw(folder_ / "stages.json", R"({"dim": 4096, "stages": [
        {"steps": 3, "optimizer": "gd"}, {"steps": 2, "optimizer": "lbfgs", "history": 1000}]})");
    // 2004 vectors of 80·4096 numbers are 4.9 GiB.
    const Arguments options = {"train", data_, "-o", folder_ / "run", "--config", folder_ / "stages.json"};
    const ProgramResult result = run_program(
        Arguments{"bash", "-c", "ulimit -v 4000000; exec \"$@\"", "bash"} + on_one_thread(options));
    EXPECT_EQ(result.status, 1) << result.err;
    // On a busy machine, lines of progress come before it.
    expect_contains(result.err.substr(std::min(result.err.size(), result.err.rfind("ntpgeo: "))),
                    "out of memory");
    expect_contains(result.err, "the last good checkpoint is ");
    EXPECT_EQ(names_beginning(folder_ / "run", "checkpoint-"),
              std::vector<std::string>{"checkpoint-000000000003.safetensors"});
    EXPECT_FALSE(fs::exists(folder_ / "run/result.safetensors"));
    expect_contains(read_file(folder_ / "run/log.txt"), "out of memory");
}
#endif

TEST_F(Resume, ARunKilledBeforeItsFirstCheckpointStartsAgain) {
    const Arguments options = {"--steps", "20000", "--metrics-every", "50"};
    const fs::path run = folder_ / "run";
    for (const std::size_t lines : {0U, 1U, 5U}) {
        RunningProgram program(on_one_thread(command("run", options + Arguments{"--resume"})));
        ASSERT_TRUE(program.wait_until(
            [&] { return lines == 0 ? fs::exists(run / "config.json") : lines_of_metrics(run) > lines; }));
        program.send(SIGKILL);
        EXPECT_EQ(program.wait().status, 128 + SIGKILL);
        EXPECT_TRUE(names_beginning(run, "checkpoint-").empty());
    }
    run_well({"train", "-o", run, "--resume"});
    expect_same_run(run, train("reference", options));
}

TEST_F(Resume, ARunKilledWhileItWritesACheckpointGoesOnFromTheOneBefore) {
    const Arguments options = {"--steps", "80", "--checkpoint-every", "1", "--keep-checkpoints", "3"};
    const fs::path run = folder_ / "run";
    for (int attempt = 0; attempt < 6; ++attempt) {
        RunningProgram program(on_one_thread(command("run", options + Arguments{"--resume"})));
        const std::size_t newest = static_cast<std::size_t>(10 * attempt);
        const auto writes = [&] {
            const auto kept = names_beginning(run, "checkpoint-");
            return !kept.empty() && std::stoul(kept.back().substr(11, 12)) > newest &&
                   !names_beginning(run, ".ntpgeo-").empty();
        };
        program.wait_until(writes, 2);
        program.send(SIGKILL);
        program.wait();
    }
    run_well({"train", "-o", run, "--resume"});
    expect_same_run(run, train("reference", options));
    EXPECT_EQ(names_beginning(run, "checkpoint-").size(), 3U);
}

TEST_F(Resume, TornLinesAndTemporaryFilesAreSweptAway) {
    const fs::path reference = train("reference", {"--steps", "100", "--metrics-every", "10",
                                                   "--checkpoint-every", "50", "--keep-checkpoints", "9"});
    const std::string metrics = read_file(reference / "metrics.jsonl");
    // States that a kill can leave: the records up to the newest checkpoint were flushed before it, those
    // after it may end anywhere.
    for (const int checkpoint : {-1, 50, 100}) {
        std::size_t flushed = 0;
        for (int record = 0; 10 * record <= checkpoint; ++record) flushed = metrics.find('\n', flushed) + 1;
        for (const double part : {0.0, 0.01, 0.5, 0.99, 1.0}) {
            SCOPED_TRACE(std::to_string(checkpoint) + " " + std::to_string(part));
            const auto after = static_cast<std::size_t>(part * static_cast<double>(metrics.size() - flushed));
            const fs::path run = folder_ / "run";
            fs::remove_all(run);
            fs::create_directory(run);
            fs::copy_file(reference / "config.json", run / "config.json");
            for (const int step : {50, 100}) {
                const std::string name =
                    "checkpoint-" + std::string(step == 50 ? "000000000050" : "000000000100");
                if (step <= checkpoint)
                    fs::copy_file(reference / (name + ".safetensors"), run / (name + ".safetensors"));
            }
            write_raw(run / "metrics.jsonl", metrics.substr(0, flushed + after));
            write_raw(run / ".ntpgeo-1-0.tmp", "half a checkpoi");
            const ProgramResult result = run_well({"train", "-o", run, "--resume"});
            expect_contains(result.out, "excess loss");
            expect_same_run(run, reference);
        }
    }
}

TEST_F(Resume, ANoiseFloorIsRememberedByTheCheckpoint) {
    const Arguments options = {"--optimizer", "lbfgs", "--lambda", "1e-2", "--steps", "3000"};
    const fs::path reference = train("reference", options), run = train("run", options);
    fs::remove(run / "result.safetensors");
    expect_contains(run_well({"train", "-o", run, "--resume"}).out, "noise floor");
    expect_same_run(run, reference);
}

TEST_F(Resume, TwoProcessesDoNotShareAFolder) {
    const fs::path run = folder_ / "run";
    RunningProgram first(on_one_thread(command("run", {"--steps", "1000000", "--metrics-every", "1000"})));
    ASSERT_TRUE(first.wait_until([&] { return lines_of_metrics(run) > 0; }));
    const std::string config = read_file(run / "config.json"), log = read_file(run / "log.txt");
    for (const Arguments& second : {Arguments{"--resume"}, {"--resume", "--steps", "2000000"}})
        expect_one_line(run_quickly(Arguments{"train", "-o", run} + second), 2, "another process");
    expect_one_line(run_quickly(command("run", {})), 2, "--resume");
    EXPECT_EQ(read_file(run / "config.json"), config);
    EXPECT_EQ(read_file(run / "log.txt"), log);
    EXPECT_FALSE(first.ended());
}

TEST_F(Resume, AFullDiskIsOneLineAndTheRunGoesOnLater) {
    const Arguments options = {"--steps", "300", "--checkpoint-every", "20"};
    const fs::path reference = train("reference", options);
    // The checkpoints (16 kB) fail at once, or the metrics (60 kB) after some of them.
    for (const char* kilobytes : {"8", "44"}) {
        SCOPED_TRACE(kilobytes);
        const fs::path run = folder_ / kilobytes;
        const ProgramResult full =
            run_program(Arguments{"bash", "-c", "ulimit -f \"$0\"; trap '' XFSZ; exec \"$@\"", kilobytes} +
                        on_one_thread(command(kilobytes, options)));
        expect_one_line(full, 1, "File too large");
        EXPECT_TRUE(names_beginning(run, ".ntpgeo-").empty());
        EXPECT_EQ(names_beginning(run, "checkpoint-").empty(), std::string(kilobytes) == "8");
        run_well({"train", "-o", run, "--resume"});
        expect_same_run(run, reference);
    }
}

TEST_F(Resume, ADivergedRunKeepsItsRecordsAndDivergesAgain) {
    const Arguments options = {"--optimizer", "gd", "--lr", "1e3", "--checkpoint-every", "5"};
    const fs::path run = folder_ / "run";
    const ProgramResult first = run_quickly(command("run", options));
    expect_one_line(first, 1, "the last good checkpoint is");
    const ProgramResult again = run_quickly({"train", "-o", run, "--resume"});
    EXPECT_EQ(again.status, 1);
    EXPECT_EQ(again.err, first.err);
}

}  // namespace
}  // namespace ntpgeo
