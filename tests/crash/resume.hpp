// A data set, and runs of it to interrupt and to go on with.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/training_runs.hpp"

namespace ntpgeo {

class Resume : public testing::Test {
  protected:
    /// `ntpgeo train` into `name` at d = 8.
    Arguments command(const std::string& name, const Arguments& options) {
        return Arguments{"train", data_, "-o", folder_ / name, "--dim", "8"} + options;
    }
    fs::path train(const std::string& name, const Arguments& options) {
        run_well(command(name, options));
        return folder_ / name;
    }
    /// Expects that `arguments` beside --resume are refused and leave the run as it is.
    void expect_refused(const fs::path& run, const Arguments& arguments, const std::string& said) {
        const auto before = contents(run);
        expect_one_line(run_quickly(Arguments{"train", "-o", run, "--resume"} + arguments), 2, said);
        EXPECT_EQ(contents(run), before) << said;
    }
    static std::size_t lines_of_metrics(const fs::path& run) {
        if (!fs::exists(run / "metrics.jsonl")) return 0;
        const std::string text = read_file(run / "metrics.jsonl");
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }

    ScratchFolder folder_;
    std::string data_ = make_tiny_dataset(folder_);
};

/// One optimizer with a schedule of its own.
inline const std::vector<Arguments>& optimizers() {
    static const std::vector<Arguments> all = {
        {"--optimizer", "adam", "--lr-schedule", "cosine", "--lambda", "1e-3:1e-6"},
        {"--optimizer", "gd", "--lr", "1", "--lr-schedule", "inverse-sqrt", "--warmup", "20"},
        {"--optimizer", "lbfgs", "--history", "5"},
        {"--optimizer", "adam", "--master", "fp32", "--precision", "fp32"},
    };
    return all;
}

/// Four stages: a state that is carried over, one that is not, and an end before its time.
inline constexpr const char* stages = R"({"metrics_every": "3", "stages": [
    {"steps": 60, "optimizer": "momentum", "lr": 0.2, "lr_schedule": "cosine", "warmup": 10},
    {"steps": 60, "optimizer": "adam", "lambda": [1e-2, 1e-4]},
    {"steps": 60, "optimizer": "adam", "lr": 0.003, "precision": "fp32", "freeze": "none"},
    {"steps": 3000, "optimizer": "lbfgs", "lambda": 1e-2, "history": 4},
    {"steps": 40, "optimizer": "adamw", "lambda": 1e-2, "freeze": "words"}]})";

}  // namespace ntpgeo
