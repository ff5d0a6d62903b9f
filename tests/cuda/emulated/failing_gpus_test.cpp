// The program on a GPU whose memory ends at each of its allocations in turn, and on one that is lost after so
// many calls: one line, exit status 1, and a folder from which the same command goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "tests/child_environment.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

/// L-BFGS asks for other memory in the middle of the run. Records, which ask for much, at both ends.
constexpr const char* two_optimizers = R"({"metrics_every": "100", "stages": [
    {"steps": 4, "optimizer": "adam", "lambda": 1e-2, "precision": "bf16"},
    {"steps": 3, "optimizer": "lbfgs", "history": 2, "lambda": 1e-2, "precision": "fp64"}]})";

class CudaProgramFails : public testing::Test {
  protected:
    CudaProgramFails() {
        run_well({"data", "synth", "-o", data_, "--vocab", "10", "--contexts", "16", "--supports", "6",
                  "--support-size", "2:4"});
        write_raw(folder_ / "stages.json", two_optimizers);
    }

    [[nodiscard]] Arguments train(const std::string& name) const {
        return {"train", data_, "-o",       folder_ / name, "--config",           folder_ / "stages.json",
                "--dim", "4",   "--device", "cuda",         "--checkpoint-every", "3"};
    }
    [[nodiscard]] Arguments limit(const std::string& name) const {
        return {"limit", data_, "-o", folder_ / name, "--device", "cuda", "--tol", "1e-2"};
    }
    [[nodiscard]] Arguments path(const std::string& name) const {
        return {"path", data_,      "-o",          folder_ / name, "--device",
                "cuda", "--lambda", "1e-2:3e-3:2", "--tol",        "1e-1"};
    }

    /// Its line, and a folder with nothing half written.
    static void expect_failure(const ProgramResult& result, const std::string& said,
                               const Arguments& command) {
        const fs::path run = command.at(3);
        expect_one_line(result, 1, said);
        EXPECT_TRUE(names_beginning(run, ".ntpgeo").empty()) << "a temporary file was left in " << run;
        if (fs::exists(run / "metrics.jsonl")) records(run);  // throws where a line is none
        const std::vector<std::string> checkpoints = names_beginning(run, "checkpoint-");
        if (checkpoints.empty()) return;
        expect_contains(result.err, "the last good checkpoint is " + (run / checkpoints.back()).string());
        expect_contains(result.err, "go on with: ntpgeo " + command[0] + " -o " + run.string() + " --resume");
    }

    /// Runs `command` with `variable` = `first`, … by `next`, until it ends well. `check` looks at each run
    /// that had failed and went on. Returns how many failures left a checkpoint.
    template <class Next, class Check>
    int fail_until_it_ends_well(const Arguments& command, const char* variable, const std::string& said,
                                std::int64_t first, const Next& next, const Check& check) {
        const fs::path run = command.at(3);
        int left_a_checkpoint = 0;
        for (std::int64_t value = first;; value = next(value)) {
            SCOPED_TRACE(testing::Message() << variable << '=' << value);
            const ProgramResult result = [&] {
                const Variable set(variable, std::to_string(value).c_str());
                return run_quickly(command);
            }();
            if (result.status != 0) {
                left_a_checkpoint += names_beginning(run, "checkpoint-").empty() ? 0 : 1;
                expect_failure(result, said, command);
                run_well(command + Arguments{"--resume"});
                check(run);
            }
            fs::remove_all(run);
            if (result.status == 0) return left_a_checkpoint;
        }
    }
    template <class Check>
    int run_out_of_memory(const Arguments& command, std::int64_t first, std::int64_t step,
                          const Check& check) {
        return fail_until_it_ends_well(
            command, "EMULATED_DEVICE_ALLOCATIONS", "out of", first,
            [step](std::int64_t granted) { return granted + step; }, check);
    }
    template <class Check>
    int lose(const Arguments& command, std::int64_t first, const Check& check) {
        return fail_until_it_ends_well(
            command, "EMULATED_DEVICE_CALLS", "the GPU is lost", first,
            [](std::int64_t answered) { return answered * 3 / 2; }, check);
    }

    static void expect_certified(const fs::path& run, double tolerance) {
        EXPECT_TRUE(fs::exists(run / "result.safetensors"));
        EXPECT_LE(records(run).back()["relative_gap"].get<double>(), tolerance);
    }

    ScratchFolder folder_;
    std::string data_ = folder_ / "data";
};

// Every so many allocations: a step that has no factor in common with what an update or a record asks for.
TEST_F(CudaProgramFails, TrainingWithoutMemoryGoesOnBitForBit) {
    run_well(train("reference"));
    const int saved = run_out_of_memory(
        train("run"), 3, 13, [&](const fs::path& run) { expect_same_run(run, folder_ / "reference"); });
    EXPECT_GE(saved, 4);
}

TEST_F(CudaProgramFails, ExactSolversWithoutMemoryGoOn) {
    EXPECT_GE(run_out_of_memory(limit("run"), 2, 6, [](const fs::path& run) { expect_certified(run, 1e-2); }),
              1);
    EXPECT_GE(run_out_of_memory(path("run"), 4, 16, [](const fs::path& run) { expect_certified(run, 1e-1); }),
              2);
}

TEST_F(CudaProgramFails, ALostDeviceLeavesTheLastCheckpoint) {
    run_well(train("reference"));
    const int saved =
        lose(train("run"), 60, [&](const fs::path& run) { expect_same_run(run, folder_ / "reference"); });
    EXPECT_GE(saved, 1);
    lose(limit("run"), 200, [](const fs::path& run) { expect_certified(run, 1e-2); });
}

}  // namespace
}  // namespace ntpgeo
