// Devices by name, and what of the environment a GPU is refused for.
#include "engine/machine/device.hpp"

#include <gtest/gtest.h>

#include "kernels/base/status.hpp"
#include "tests/child_environment.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

TEST(Device, AGpuIsRefusedWhereTheEnvironmentChangesItsArithmetic) {
    for (const char* const name : {"NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION",
                                   "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"}) {
        const Variable set(name, "0");  // of the first, that is no tf32 where it is asked for
        try {
            make_backend("cuda:0");
            FAIL() << name;
        } catch (const InputError& error) {
            expect_contains(error.what(), std::string("device: ") + name + "=0 is in the environment");
        }
        EXPECT_EQ(make_backend("cpu")->device(), "cpu");
    }
}

}  // namespace
}  // namespace ntpgeo
