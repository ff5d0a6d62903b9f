// The program on a GPU of which the emulated device can be told what it lacks.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/child_environment.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

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

}  // namespace
}  // namespace ntpgeo
