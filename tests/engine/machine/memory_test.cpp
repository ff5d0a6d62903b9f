// How much memory there is, and the sizes that a device takes.
#include "engine/machine/memory.hpp"

#include <gtest/gtest.h>

#include "kernels/base/status.hpp"
#include "tests/metering_backend.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

TEST(MachineMemory, IsSpelledInBytes) {
    EXPECT_EQ(bytes_text(0), "0 bytes");
    EXPECT_EQ(bytes_text(1023), "1023 bytes");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text((std::int64_t{1} << 20) - 1), "1.0 MiB");
    EXPECT_EQ(bytes_text(std::int64_t{5} << 40), "5.0 TiB");
}

TEST(MachineMemory, IsTheDevicesOnAGpuAndTheMachinesOnTheCpu) {
    MeteringBackend gpu;
    gpu.name = "cuda";
    gpu.device_memory = {1000, 600};
    EXPECT_EQ(available_memory(gpu), 600);
    const auto cpu = make_cpu_backend();
    EXPECT_GT(available_memory(*cpu), 0);
    EXPECT_LE(available_memory(*cpu), cpu->memory().total);
    EXPECT_LE(cpu->memory().free, cpu->memory().total);
}

TEST(DecompositionLimit, IsRefusedByNameWithWhatToDo) {
    MeteringBackend backend;
    const EigenLimit limit = backend.eigen_limit();
    require_decomposable(backend, limit.largest, "limit");
    const auto message = [&] {
        return refusal<InputError>([&] { require_decomposable(backend, limit.largest + 1, "limit"); });
    };
    EXPECT_EQ(message(),
              "limit decomposes a matrix of 32767 rows, and LAPACK's syevd on the device cpu takes 32766 at "
              "most; take fewer contexts or words");
    backend.name = "cuda";
    expect_contains(message(), "take --device cpu or fewer contexts or words");
}

}  // namespace
}  // namespace ntpgeo
