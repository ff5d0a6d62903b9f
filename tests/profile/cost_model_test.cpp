// The cost model's arithmetic, by hand.
#include "tests/profile/cost_model.hpp"

#include <gtest/gtest.h>

#include "kernels/base/status.hpp"

namespace ntpgeo::profile {
namespace {

using device::Machine;
using emulated_device::LibraryCall;

// Round figures: 100 multiprocessors, ten TB/s of memory and twenty of cache.
constexpr Machine machine = {"a round one", 100, 1e13, 1e13, 1e14, 1e15, 1e13, 1e6, 2e13, 1e10, ""};

TEST(ProfileCost, KernelsTakeTheirBytesOrTheirWaves) {
    EXPECT_NEAR(kernel_seconds({"k", 100, 256}, 9e9, machine), 0.001, 1e-15);  // of 9 TB/s
    EXPECT_DOUBLE_EQ(kernel_seconds({"k", 10, 256}, 8e5, machine),
                     device::seconds_a_wave);  // 0.04 µs of cache
    EXPECT_DOUBLE_EQ(kernel_seconds({"k", 100 * 8 + 1, 256}, 0, machine), 2 * device::seconds_a_wave);
    EXPECT_DOUBLE_EQ(kernel_seconds({"k", 100 * 32, 32}, 0, machine), device::seconds_a_wave);
}

TEST(ProfileCost, ProductsTakeWholeWaves) {
    // 100 tiles of 128×256 for 100 multiprocessors, and one more of each.
    const LibraryCall full = {"cublasGemmEx", "bf16", 1280, 2560, 4096},
                      more = {"cublasGemmEx", "bf16", 1281, 2561, 4096};
    const double wave = 2.0 * 128 * 256 * 4096 / (1e13 * device::attained_products);
    EXPECT_DOUBLE_EQ(call_seconds(full, machine), wave);
    EXPECT_GT(call_seconds(more, machine), 1.1 * wave);
    EXPECT_LE(call_seconds(more, machine), 2 * wave);
    EXPECT_GT(call_seconds({"cublasDgemm", "fp64", 1280, 2560, 4096}, machine), 50 * wave);
    EXPECT_DOUBLE_EQ(call_seconds({"cublasDgemm", "fp64", 2, 2, 2}, machine), device::seconds_a_wave);
}

TEST(ProfileCost, DecompositionsTakeTheirColumns) {
    const double small = call_seconds({"cusolverDnXsyevd", "fp64", 100, 100}, machine),
                 large = call_seconds({"cusolverDnXsyevd", "fp64", 20000, 20000}, machine);
    EXPECT_NEAR(small / (100 * device::seconds_a_column), 1, 0.01);
    EXPECT_NEAR(large, 20000 * device::seconds_a_column + 8e12 * 8 / 3 / 9e12 + 4 * 8e12 / 0.8e13, 1e-9);
    EXPECT_THROW(call_seconds({"cublasDtrsm", "fp64", 10, 10}, machine), Failure);
}

TEST(ProfileCost, AnIterationIsTheSumOfItsParts) {
    Profile profile{"by hand", "", 1, {}, {}};
    emulated_device::Counts& counts = profile.regions["step"];
    counts.direct.launches[{"small", 1, 32}] = 3;
    counts.direct.launches[{"large", 100, 256}] = 1;
    counts.in_graphs.launches[{"small", 1, 32}] = 5;
    counts.in_graphs.copies_down = 1;
    counts.in_graphs.bytes_down = 1000;
    counts.graph_launches = 2;
    counts.synchronisations = 4;
    counts.allocations = 1;
    profile.traffic[{"large", 100, 256}] = {2, 9'000'000'000, 9'000'000'000};  // 9 GB a launch
    const Prediction prediction = predict(profile, machine);
    EXPECT_NEAR(prediction.kernels, 3 * device::seconds_a_launch + 0.001 + 5 * device::seconds_a_wave, 1e-12);
    EXPECT_NEAR(prediction.copies, device::seconds_a_copy + 1000 / (1e10 * device::attained_host), 1e-12);
    EXPECT_NEAR(prediction.waits, 2 * device::seconds_a_graph_launch + 4 * device::seconds_a_synchronisation,
                1e-12);
    EXPECT_NEAR(prediction.memory, device::seconds_an_allocation, 1e-12);
    EXPECT_EQ(prediction.calls, 0);
}

}  // namespace
}  // namespace ntpgeo::profile
