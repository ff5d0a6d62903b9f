// The model of what a CUDA loss step costs, against counts made by hand.
#include "kernels/anchored_xent/cost_cuda.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace ntpgeo::anchored_xent {
namespace {

using device::Machine;
using device::machines;
using device::product_tiles;
using device::waves_in;

constexpr std::int64_t h100_sms = 132;
constexpr device::Tile large = {128, 256, 1.0};

TEST(ProductWaves, CountTilesAndTheWavesThatTheyFill) {
    const auto waves = waves_in(large, 1, 8448, 1024, 50304, h100_sms, 1e15);
    EXPECT_EQ(waves.tiles, 66 * 4);
    EXPECT_EQ(waves.waves, 2);
    EXPECT_DOUBLE_EQ(waves.efficiency(h100_sms), 1.0);
    // Two waves of 128·256·50304 multiply-adds on each of 132 multiprocessors.
    EXPECT_NEAR(waves.seconds, 2 * 2.0 * 128 * 256 * 50304 / (1e15 / 132), 1e-12);
    EXPECT_NEAR(waves_in(large, 1, 9216, 1024, 8, h100_sms, 1e15).efficiency(h100_sms), 288.0 / 396, 1e-12);
}

TEST(ProductWaves, ThreadsOfASplitShareItsInnerSide) {
    const auto whole = waves_in(large, 1, 2048, 64, 4096, h100_sms, 1e15),
               split = waves_in(large, 8, 2048, 64, 4096, h100_sms, 1e15);
    EXPECT_EQ(whole.tiles, 16);
    EXPECT_EQ(split.tiles, 128);
    EXPECT_EQ(split.waves, 1);
    EXPECT_NEAR(split.seconds, whole.seconds / 8, 1e-15);
}

TEST(ProductWaves, FewTilesAreSplitAsFarAsTheWorkspaceHolds) {
    const auto split = [](std::int64_t rows, std::int64_t columns, std::int64_t inner) {
        return device::fastest_with_splits(rows, columns, inner, 4, h100_sms, 1e15, 3e12).splits;
    };
    EXPECT_GT(split(2048, 64, 20000), 1);     // 16 tiles
    EXPECT_EQ(split(50304, 4096, 20000), 1);  // many
    EXPECT_EQ(split(2048, 64, 1000), 1);      // too short to split
    EXPECT_EQ(split(2048, 2048, 100000), 1);  // two parts of 16 MiB would fit, and gain nothing
    EXPECT_LE(split(512, 4096, 1 << 20), 4);  // four parts of 8 MiB
}

TEST(Machines, AreKnownByTheirNamesAndScaledToTheirMultiprocessors) {
    const Machine pcie = device::machine_like("NVIDIA H100 PCIe", 114, 50e6);
    EXPECT_EQ(pcie.multiprocessors, 114);
    EXPECT_NEAR(pcie.bf16, machines[0].bf16 * 114 / 132, 1);
    EXPECT_EQ(device::machine_like("NVIDIA A100-SXM4-80GB", 108, 40e6).bf16, machines[2].bf16);
    EXPECT_EQ(device::machine_like("another", 132, 4e6).cache_bytes, 4e6);
}

TEST(ProductWaves, TheFastestAreNoSlowerThanAnyTile) {
    for (const std::int64_t rows : {100, 2048, 9000, 50304})
        for (const std::int64_t columns : {64, 200, 768, 4096}) {
            const auto best = device::fastest_waves(rows, columns, 4096, 108, 1e15);
            for (const auto& tile : product_tiles)
                EXPECT_LE(best.seconds, waves_in(tile, 1, rows, columns, 4096, 108, 1e15).seconds);
            EXPECT_LE(best.efficiency(108), 1.0);
        }
}

LossStepCost cost_on_h100(std::int64_t vocab, std::int64_t contexts, std::int64_t dim, std::int64_t chunk,
                          std::int64_t group, bool epilogue = false) {
    return loss_step_cost({vocab, contexts, dim, chunk, group, epilogue}, machines[0]);
}

/// E·W in tiles of 128×256 alone, over all groups.
double efficiency_of_contexts(std::int64_t contexts, std::int64_t dim, std::int64_t group) {
    double tiles = 0, places = 0;
    for (std::int64_t begin = 0; begin < contexts; begin += group) {
        const auto waves = waves_in(large, 1, std::min(group, contexts - begin), dim, 1, h100_sms, 1e15);
        tiles += static_cast<double>(waves.tiles);
        places += static_cast<double>(waves.waves * h100_sms);
    }
    return tiles / places;
}

// What groups of whole chunks of 1024 make of the groups that fill the last wave.
TEST(ProductWaves, OfGroupsThatWereRoundedUpToWholeChunks) {
    EXPECT_NEAR(efficiency_of_contexts(65536, 1024, 9216), 0.705, 5e-4);
    EXPECT_NEAR(efficiency_of_contexts(65536, 1024, 8448), 0.970, 5e-4);
    EXPECT_NEAR(efficiency_of_contexts(262144, 512, 9216), 0.544, 5e-4);
}

TEST(LossStepCost, CountsEveryGroupAndChunkOnce) {
    const LossStepCost cost = cost_on_h100(50257, 20000, 1024, 1024, 8448);
    // Groups of 8448, 8448 and 3104: 9, 9 and 4 chunks.
    EXPECT_DOUBLE_EQ(cost.nodes, 22 * 5 + 3 * 3 + 4);
    const double least = 6.0 * 50257 * 20000 * 1024 / (machines[0].bf16 * device::attained_products);
    EXPECT_GT(cost.logits.seconds + cost.words.seconds + cost.contexts.seconds, least);
    EXPECT_NEAR(cost.share({50257, 20000, 1024, 1024, 8448}, machines[0].bf16 * device::attained_products),
                least / cost.seconds(), 1e-12);
    for (const ProductUse* product : {&cost.logits, &cost.words, &cost.contexts}) {
        EXPECT_GT(product->efficiency(), 0.5);
        EXPECT_LE(product->efficiency(), 1.0);
    }
}

TEST(LossStepCost, SavesThePassAndTheLogitsTrafficWhereTheEpilogueMakesTheExponentials) {
    const LossStepCost plain = cost_on_h100(50257, 65536, 768, 1024, 11264),
                       fused = cost_on_h100(50257, 65536, 768, 11264, 11264, true);
    EXPECT_LT(fused.passes, plain.passes / 2);
    EXPECT_LT(fused.seconds(), plain.seconds());
}

// Logits that fill more than the cache go to memory and back.
TEST(LossStepCost, AChunkBeyondTheCacheCostsItsLogitsTraffic) {
    const double cached = cost_on_h100(50257, 65536, 768, 128, 11264).passes,
                 beyond = cost_on_h100(50257, 65536, 768, 1024, 11264).passes;
    const double logits = 50304.0 * 65536 * 4;
    EXPECT_NEAR(beyond - cached,
                (logits + logits / 2) / (3.35e12 * 0.9) -
                    std::max(logits / machines[0].cache_bandwidth, logits / 2 / (3.35e12 * 0.9)),
                1e-9);
}

TEST(LossStepCost, IsLowerOnAFasterMachine) {
    double last = 0;
    for (const int k : {1, 0, 2}) {  // H200, H100, A100
        const double seconds = loss_step_cost({32000, 65536, 512, 1024, 8192, false}, machines[k]).seconds();
        EXPECT_GT(seconds, last) << machines[k].name;
        last = seconds;
    }
}

}  // namespace
}  // namespace ntpgeo::anchored_xent
