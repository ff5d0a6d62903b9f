// What a run may be resumed with, and what it is refused for (design 2.1).
#include <gtest/gtest.h>

#include "tests/crash/resume.hpp"

namespace ntpgeo {
namespace {

TEST_F(Resume, AFinishedRunStaysAsItIs) {
    const fs::path run = train("run", {"--steps", "30"});
    const auto before = contents(run);
    for (const Arguments& again : {Arguments{"train", "-o", run, "--resume"},
                                   command("run", {"--steps", "30", "--resume"}),
                                   {"train", "-o", run, "--resume", "--config", run / "config.json"}}) {
        expect_contains(run_well(again).out, "finished already, at step 30");
        EXPECT_EQ(contents(run), before);
    }
    // Nor need its data set be there, unless it is named.
    fs::rename(data_, folder_ / "elsewhere");
    expect_contains(run_well({"train", "-o", run, "--resume"}).out, "finished already, at step 30");
    expect_refused(run, {data_}, "tiny");
}

TEST_F(Resume, WhereNothingIsYetItStarts) {
    const fs::path run = train("run", {"--steps", "30", "--resume"});
    expect_same_run(run, train("reference", {"--steps", "30"}));
}

TEST_F(Resume, MoreStepsUnderAConstantScheduleEqualAnUninterruptedRun) {
    for (const Arguments& options : {Arguments{"--optimizer", "adam"},
                                     {"--optimizer", "gd", "--lr", "1", "--lambda", "1e-3"},
                                     {"--optimizer", "lbfgs"}}) {
        SCOPED_TRACE(options[1]);
        const fs::path run = train(options[1], options + Arguments{"--steps", "60"});
        EXPECT_EQ(recorded_steps(run).back(), 60);  // log:20 has 56 and 63
        run_well({"train", "-o", run, "--resume", "--steps", "150"});
        const fs::path reference = train(options[1] + "-reference", options + Arguments{"--steps", "150"});
        const std::vector<std::int64_t> steps = recorded_steps(run);
        EXPECT_EQ(std::count(steps.begin(), steps.end(), 60), 0);
        expect_same_run(run, reference);
        EXPECT_EQ(read_file(run / "config.json"), read_file(reference / "config.json"));
    }
}

TEST_F(Resume, AnotherConfigurationIsRefused) {
    make_tiny_dataset(folder_, "other", "1");
    const fs::path run = train("run", {"--steps", "30"});
    for (const Arguments& other : {Arguments{"--dim", "9"},
                                   {"--seed", "1"},
                                   {"--lr", "0.02"},
                                   {"--lr-schedule", "cosine"},
                                   {"--warmup", "3"},
                                   {"--lambda", "1e-3"},
                                   {"--optimizer", "gd"},
                                   {"--beta1", "0.8"},
                                   {"--precision", "fp32"},
                                   {"--master", "fp32"},
                                   {"--init-scale", "2"},
                                   {"--metrics-every", "7"},
                                   {"--metrics-precision", "same"}})
        expect_refused(run, other, other[0].substr(2));
    expect_refused(run, {folder_ / "other"}, "the data set");
    expect_refused(run, {folder_ / "missing"}, "missing");
    expect_refused(run, {"--steps", "29"}, "steps (they may only grow)");
    expect_refused(run, {"--dim", "0"}, "--dim");
    expect_refused(run, {"--momentum", "0.9"}, "belongs to the optimizer momentum");
    expect_refused(run, {"--freeze", "words"}, "freeze");
}

TEST_F(Resume, MoreStepsAreRefusedWhereAScheduleDependsOnTheirNumber) {
    const fs::path cosine = train("cosine", {"--steps", "30", "--lr-schedule", "cosine"});
    expect_refused(cosine, {"--steps", "40"}, "a schedule of this run depends on their number");
    const fs::path decay = train("decay", {"--steps", "30", "--lambda", "1e-2:1e-4"});
    expect_refused(decay, {"--steps", "40"}, "a schedule of this run depends on their number");
}

TEST_F(Resume, AFolderOfAnotherKindIsRefused) {
    const fs::path run = train("run", {"--steps", "3"});
    run_well({"analyze", run, "-o", folder_ / "figures"});
    expect_refused(folder_ / "figures", {}, "command train");
    fs::create_directory(folder_ / "foreign");
    write_raw(folder_ / "foreign/config.json", "[1, 2]\n");
    expect_refused(folder_ / "foreign", {}, "JSON object");
}

TEST_F(Resume, ADatasetThatHasChangedIsRefused) {
    const fs::path run = train("run", {"--steps", "3"});
    make_tiny_dataset(folder_, "tiny", "1");
    expect_refused(run, {"--steps", "9"}, "has changed");
    expect_refused(run, {data_, "--steps", "9"}, "the data set");
}

TEST_F(Resume, OnlyTheLastStageOfSeveralGrows) {
    const auto with_last = [&](const std::string& last) {
        write_raw(folder_ / "stages.json",
                  R"({"dim": 8, "stages": [{"steps": 20, "lr_schedule": "cosine"}, )" + last + "]}");
        return Arguments{"--config", folder_ / "stages.json"};
    };
    const fs::path run = train("run", with_last(R"({"steps": 10, "optimizer": "gd"})"));
    expect_refused(run, {"--steps", "29"}, "stage 2, steps (they may only grow)");
    expect_refused(run, {"--steps", "19"}, "fewer than the 20 of the stages before the last");
    expect_refused(run, {"--lr", "1"}, "stage 1, lr");
    expect_refused(run, Arguments{data_} + with_last(R"({"steps": 10, "optimizer": "gd", "lr": 0.5})"),
                   "stage 2, lr");
    expect_refused(run, Arguments{data_} + with_last(R"({"steps": 10, "optimizer": "gd"}, {})"),
                   "the number of stages");
    run_well({"train", "-o", run, "--resume", "--steps", "55"});
    EXPECT_EQ(recorded_steps(run).back(), 55);
    expect_same_run(run, train("reference", with_last(R"({"steps": 35, "optimizer": "gd"})")));
    EXPECT_EQ(read_file(run / "config.json"), read_file(folder_ / "reference/config.json"));

    const fs::path decay = train("decay", with_last(R"({"steps": 10, "lambda": [1e-2, 1e-3]})"));
    expect_refused(decay, {"--steps", "40"}, "stage 2, steps (a schedule of this run");
}

}  // namespace
}  // namespace ntpgeo
