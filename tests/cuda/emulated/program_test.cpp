// The program on a GPU of which the emulated device can be told what it lacks.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/child_environment.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

// Room for the training and not for its first record: one line, the state, exit status 1.
TEST(CudaProgram, OutOfDeviceMemoryInARecordLeavesACheckpoint) {
    const ScratchFolder scratch;
    const std::string data = (scratch / "data.safetensors").string(), run = (scratch / "run").string();
    ASSERT_EQ(run_ntpgeo({"data", "synth", "-o", data, "--vocab", "300", "--contexts", "2000"}).status, 0);
    const Variable memory("EMULATED_DEVICE_MEMORY", "46000000");
    const ProgramResult result = run_ntpgeo(
        {"train", data, "-o", run, "--device", "cuda", "--dim", "32", "--steps", "3", "--precision", "bf16"});
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_NE(result.err.find("out of GPU memory: "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("the last good checkpoint is "), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
    EXPECT_TRUE(fs::exists(fs::path(run) / "checkpoint-000000000000.safetensors"));
}

// On a GPU whose figures are known: its share of the peak and its memory, in the log and in the profile,
// whose events change no bits.
TEST(CudaProgram, SaysWhatItUsesOfAGpuAndMeasuresTheStepsParts) {
    const ScratchFolder scratch;
    const std::string data = make_tiny_dataset(scratch), plain = scratch / "plain", run = scratch / "run";
    const Variable name("EMULATED_DEVICE_NAME", "NVIDIA H200");
    const auto train = [&](const std::string& output, const Arguments& more) {
        run_well(Arguments{"train", data, "-o", output, "--device", "cuda", "--dim", "8", "--steps", "8",
                           "--precision", "bf16", "--metrics-every", "100"} +
                 more);
    };
    train(plain, {});
    train(run, {"--profile", "3"});
    expect_same_run(run, plain);
    expect_contains(read_file(plain + "/log.txt"), " % of the peak in bf16, ");
    expect_contains(read_file(plain + "/log.txt"), " of 1.0 GiB in use");
    const Json profile = Json::parse(read_file(run + "/profile.json"));
    EXPECT_EQ(profile["hardware"], "NVIDIA H200");
    EXPECT_EQ(profile["steps"], 3);
    const double seconds = profile["step_s"];
    EXPECT_NEAR(profile["share_of_peak"].get<double>() * seconds * 989.4e12, 6.0 * 20 * 60 * 8, 1e-3);
    EXPECT_EQ(profile["memory_total"], 1 << 30);
    double sum = 0;
    for (const Json& part : profile["parts"]) sum += part["step_s"].get<double>();
    EXPECT_NEAR(sum / seconds, 1, 1e-6);
    const Json &products = profile["parts"][0], &update = profile["parts"][3];
    EXPECT_EQ(products["calls_per_step"], 3);
    EXPECT_GT(products["step_s"].get<double>(), 0);
    EXPECT_EQ(update["calls_per_step"], 1);
    EXPECT_GT(update["step_s"].get<double>(), 0);
}

// A GPU that multiplies in fp64 as it does makes thresholds by products, by the model; one that nobody knows
// does not. Both are certified, and fp32 steps leave other digits.
TEST(CudaProgram, MakesALimitsThresholdsByProductsWhereTheyArePredictedToBeFaster) {
    const ScratchFolder scratch;
    const std::string data = (scratch / "data.safetensors").string();
    ASSERT_EQ(run_ntpgeo({"data", "synth", "-o", data, "--vocab", "30", "--contexts", "40"}).status, 0);
    const auto limit = [&](const std::string& gpu) {
        const Variable name("EMULATED_DEVICE_NAME", gpu.c_str());
        const std::string run = (scratch / ("run of " + gpu)).string();
        run_well(Arguments{"limit", data, "-o", run, "--device", "cuda", "--tol", "1e-3"});
        const std::string records = read_file(run + "/metrics.jsonl");
        return Json::parse(records.substr(records.rfind('\n', records.size() - 2) + 1));
    };
    const Json known = limit("NVIDIA H200"), unknown = limit("a GPU");
    for (const Json& record : {known, unknown}) EXPECT_LE(record["relative_gap"].get<double>(), 1e-3);
    const double norm = known["nuclear_norm"], other = unknown["nuclear_norm"];
    EXPECT_NEAR(norm / other, 1, 1e-4);
    EXPECT_NE(norm, other);
}

}  // namespace
}  // namespace ntpgeo
