// GPUs that this program cannot use, as only the emulated device can be told to be.
#include <gtest/gtest.h>

#include <string>

#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"
#include "tests/child_environment.hpp"

namespace ntpgeo {
namespace {

constexpr int refused = 7, taken = 8;

[[noreturn]] void take_the_gpu() {
    try {
        make_cuda_backend(0);
    } catch (const InputError& error) {
        finish(refused, error.what());
    }
    finish(taken, "");
}

class CudaUnusableDeathTest : public testing::Test {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(CudaUnusableDeathTest, OlderThanComputeCapability8) {
    {
        const Variable capability("EMULATED_DEVICE_CAPABILITY", "75");
        EXPECT_EXIT(take_the_gpu(), testing::ExitedWithCode(refused),
                    "^GPU 0 has compute capability 7.5; 8.0 or more is needed\n$");
    }
    const Variable capability("EMULATED_DEVICE_CAPABILITY", "80");
    EXPECT_EXIT(take_the_gpu(), testing::ExitedWithCode(taken), "");
}

TEST_F(CudaUnusableDeathTest, NoCodeForIt) {
    const Variable capability("EMULATED_DEVICE_CAPABILITY", "86"), code("EMULATED_DEVICE_CODE", "90");
    EXPECT_EXIT(take_the_gpu(), testing::ExitedWithCode(refused),
                "^this program holds no code for GPU 0 .emulated device 0, compute capability 8.6.; build it "
                "with that architecture\n$");
}

}  // namespace
}  // namespace ntpgeo
