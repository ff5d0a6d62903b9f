// The model by which a threshold is made by products or by a decomposition.
#include "kernels/svd/cost_cuda.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>

namespace ntpgeo::svd_cuda {
namespace {

using device::Machine;
using device::machines;

// What a threshold takes at ‖A‖_F = 50τ, in fp64 and in fp32.
constexpr std::int64_t products_of(Real real) {
    return real == Real::fp64 ? 2 * 43 + 3 * 10 + 3 : 2 * 21 + 3 * 9 + 3;
}

bool are_faster(const Machine& machine, Real real, std::int64_t n) {
    return products_seconds(machine, real, n, products_of(real)) < symmetric_seconds(machine, real, n);
}

// Round figures: 100 multiprocessors, 10 TFLOP/s, ten TB/s.
TEST(DecompositionCost, ProductsAreWavesAndLaunches) {
    constexpr Machine machine = {"a round one", 100, 1e13, 1e13, 1e14, 1e15, 1e13, 1e6, 2e13, 1e10, ""};
    // One tile of 64×64 a multiprocessor is the fastest for [640, 640].
    const double product = 2.0 * 64 * 64 * 640 / (1e13 * device::attained_products * 0.55 / 100);
    EXPECT_NEAR(products_seconds(machine, Real::fp64, 640, 7), 7 * (product + device::seconds_a_launch),
                1e-9);
    EXPECT_DOUBLE_EQ(products_seconds(machine, Real::fp64, 8, 7), 7 * 2 * device::seconds_a_launch);
}

TEST(DecompositionCost, FastFp64FavoursProductsAtTheSizesOfLimitAndPath) {
    for (const Machine& machine : machines) {
        for (const std::int64_t n : {50, 100, 200, 500, 1000, 2000})
            for (const Real real : {Real::fp64, Real::fp32}) {
                const double by_products = products_seconds(machine, real, n, products_of(real)) * 1e3,
                             decomposed = symmetric_seconds(machine, real, n) * 1e3;
                std::cout << fmt::format("{}, {}, n = {}: products {:.3g} ms, decomposition {:.3g} ms\n",
                                         machine.name, real == Real::fp64 ? "fp64" : "fp32", n, by_products,
                                         decomposed);
            }
        EXPECT_TRUE(are_faster(machine, Real::fp64, 500)) << machine.name;
        EXPECT_FALSE(are_faster(machine, Real::fp64, 20000)) << machine.name;
        EXPECT_FALSE(are_faster(machine, Real::fp64, 8)) << machine.name;
    }
}

// A consumer's: an RTX 4090's fp64 is a sixty-fourth of its fp32 (NVIDIA Ada GPU architecture, white paper).
TEST(DecompositionCost, SlowFp64DoesNot) {
    constexpr Machine machine = {"RTX 4090", 128,  1.29e12, 82.6e12, 82.6e12, 165e12,
                                 1.008e12,   72e6, 5e12,    32e9,    ""};
    for (const std::int64_t n : {500, 1000, 2000}) EXPECT_FALSE(are_faster(machine, Real::fp64, n)) << n;
}

}  // namespace
}  // namespace ntpgeo::svd_cuda
