// train --profile on the CPU: what it writes, that it changes no bits, and what it refuses.
#include <gtest/gtest.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class TrainProfile : public testing::Test {
  protected:
    [[nodiscard]] Arguments command(const std::string& name, const Arguments& more = {}) const {
        return Arguments{"train", data_, "-o", folder_ / name, "--dim", "8", "--steps", "20"} + more;
    }

    ScratchFolder folder_;
    std::string data_ = make_tiny_dataset(folder_);
};

TEST_F(TrainProfile, IsATableOfPartsAndChangesNoBits) {
    run_well(command("plain"));
    run_well(command("measured", {"--profile", "5"}));
    expect_same_run(folder_ / "measured", folder_ / "plain");
    EXPECT_FALSE(fs::exists(folder_ / "plain/profile.json"));
    const Json profile = Json::parse(read_file(folder_ / "measured/profile.json"));
    EXPECT_EQ(profile["format"], "ntpgeo.profile.1");
    EXPECT_EQ(profile["first_step"], 3);
    EXPECT_EQ(profile["steps"], 5);
    EXPECT_EQ(profile["optimizer"], "adam");
    for (const char* unknown : {"hardware", "share_of_peak", "memory_used", "memory_total"})
        EXPECT_TRUE(profile[unknown].is_null()) << unknown;
    double sum = 0;
    for (const Json& part : profile["parts"]) {
        sum += part["step_s"].get<double>();
        EXPECT_GT(part["step_s"].get<double>(), 0) << part;
    }
    EXPECT_NEAR(sum / profile["step_s"].get<double>(), 1, 1e-9);
    EXPECT_EQ(profile["parts"][0]["part"], "products");
    EXPECT_EQ(profile["parts"][0]["calls_per_step"], 3);  // 60 contexts are one chunk
    const std::string log = read_file(folder_ / "measured/log.txt");
    expect_contains(log, "profile of 5 steps from step 3 on, adam in fp64 on cpu: ");
    expect_contains(log, "  products ");
    // Of L-BFGS, and of fewer updates than were asked for.
    run_well(command("lbfgs", {"--profile", "100", "--optimizer", "lbfgs"}));
    const Json fewer = Json::parse(read_file(folder_ / "lbfgs/profile.json"));
    EXPECT_EQ(fewer["steps"], 18);
    EXPECT_GE(fewer["parts"][0]["calls_per_step"].get<double>(), 3);
}

TEST_F(TrainProfile, RefusesWhatItCannotMeasure) {
    expect_one_line(run_quickly(command("run", {"--profile", "0"})), 2, "--profile");
    expect_one_line(run_quickly(command("run", {"--profile", "few"})), 2, "--profile");
    expect_one_line(run_quickly(command("run", {"--profile", "3", "--dry-run"})), 2, "--profile");
    EXPECT_FALSE(fs::exists(folder_ / "run"));
}

}  // namespace
}  // namespace ntpgeo
