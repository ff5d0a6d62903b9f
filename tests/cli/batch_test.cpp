// `ntpgeo train --batch` as a person runs it.
#include <gtest/gtest.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class BatchOption : public testing::Test {
  protected:
    void SetUp() override { data_ = make_tiny_dataset(folder_); }

    [[nodiscard]] Arguments train(const std::string& name, const Arguments& more = {}) const {
        return Arguments{"train", data_, "-o", folder_ / name, "--dim", "4", "--steps", "30"} + more;
    }

    ScratchFolder folder_;
    std::string data_;
};

TEST_F(BatchOption, IsPartOfTheConfigurationAndResumesBitForBit) {
    for (const std::string sampling : {"once", "weights"}) {
        const std::string whole = folder_ / ("whole-" + sampling), cut = folder_ / ("cut-" + sampling);
        const Arguments batch{"--batch", "7", "--sampling", sampling};
        run_well(train("whole-" + sampling, batch));
        const Json stage = Json::parse(read_file(fs::path(whole) / "config.json"))["stages"][0];
        EXPECT_EQ(stage["batch"], 7);
        EXPECT_EQ(stage["sampling"], sampling);
        run_well({"train", "--config", whole + "/config.json", "-o", folder_ / ("again-" + sampling)});
        expect_same_run(folder_ / ("again-" + sampling), whole);
        run_well(train("cut-" + sampling,
                       batch + Arguments{"--checkpoint-every", "10", "--keep-checkpoints", "9"}));
        fs::remove(fs::path(cut) / "result.safetensors");
        for (const char* step : {"20", "30"})
            fs::remove(fs::path(cut) / (std::string("checkpoint-0000000000") + step + ".safetensors"));
        run_well({"train", "-o", cut, "--resume"});
        expect_same_run(cut, whole);
    }
}

TEST_F(BatchOption, OfAllContextsIsTheWholeAndIsNoSettingWithoutIt) {
    run_well(train("whole"));
    run_well(train("batch", {"--batch", "60"}));
    expect_same_run(folder_ / "batch", folder_ / "whole");
    EXPECT_EQ(read_file(folder_ / "whole/config.json").find("batch"), std::string::npos);
}

TEST_F(BatchOption, IsPlannedForAndRefusedInOneLine) {
    expect_contains(run_well(train("none", {"--batch", "7", "--dry-run"})).out, "7 contexts: their labels");
    const auto before = contents(folder_.path());
    const auto refused = [&](const Arguments& more, const std::string& said) {
        expect_one_line(run_quickly(train("new", more)), 2, said);
        EXPECT_EQ(contents(folder_.path()), before);
    };
    refused({"--batch", "0"}, "--batch");
    refused({"--batch", "61"}, "batch: 61 is more than the 60 contexts of the data set");
    refused({"--batch", "7", "--optimizer", "lbfgs"}, "batch: lbfgs needs the gradient of all contexts");
    refused({"--batch", "7", "--optimizer", "adamw", "--lambda", "1e-3"},
            "batch: the decay of adamw is of all contexts");
    refused({"--sampling", "weights"}, "sampling: is that of a batch");
}

}  // namespace
}  // namespace ntpgeo
