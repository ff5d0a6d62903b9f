// How the CUDA loss step cuts the contexts, and what the model says of it: on the GPUs that design 4.1
// reckons with, an H100 (132 multiprocessors) and an A100 (108).
#include "kernels/anchored_xent/plan_cuda.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

namespace ntpgeo::anchored_xent {
namespace {

using device::Machine;
using device::machines;

constexpr Machine h100 = machines[0], a100 = machines[2];
constexpr std::int64_t memory = std::int64_t{80} << 30;

/// A shape as it is cut.
LossStepShape planned(LossStepShape shape, const Machine& machine) {
    const ChunkingCuda cut = choose_chunking_cuda(shape, machine, memory, 0, 0);
    shape.chunk = cut.chunk;
    shape.group = cut.group;
    return shape;
}

/// One product over a grid of shapes: the least efficiency and where, and how many are below 95 %.
struct Efficiencies {
    double worst = 2;
    LossStepShape at;
    int below = 0, all = 0;

    void take(double now, const LossStepShape& shape) {
        ++all;
        below += now < 0.95;
        if (now >= worst) return;
        worst = now;
        at = shape;
    }
    void print(const char* machine, const char* product) const {
        std::printf("%s, %s: %.3f at V %lld, m %lld, d %lld (chunk %lld, group %lld); %d of %d below .95\n",
                    machine, product, worst, static_cast<long long>(at.vocab),
                    static_cast<long long>(at.contexts), static_cast<long long>(at.dim),
                    static_cast<long long>(at.chunk), static_cast<long long>(at.group), below, all);
    }
};

struct OfMachine {
    Efficiencies logits, words, contexts;
    Efficiencies contexts_of_large_groups;  ///< V >= 32000 and m >= 65536
};

OfMachine efficiencies_on(const Machine& machine, std::int64_t least_dim) {
    OfMachine found;
    for (const std::int64_t vocab : {2000, 32000, 50257, 128256})
        for (const std::int64_t contexts : {4096, 20000, 65536, 262144, 1000000})
            for (const std::int64_t dim : {64, 128, 256, 512, 768, 1024, 2048, 4096}) {
                if (dim < least_dim) continue;
                const LossStepShape shape = planned({vocab, contexts, dim}, machine);
                const LossStepCost cost = loss_step_cost(shape, machine);
                found.logits.take(cost.logits.efficiency(), shape);
                found.words.take(cost.words.efficiency(), shape);
                found.contexts.take(cost.contexts.efficiency(), shape);
                if (vocab >= 32000 && contexts >= 65536)
                    found.contexts_of_large_groups.take(cost.contexts.efficiency(), shape);
            }
    found.logits.print(machine.name.data(), "Z");
    found.words.print(machine.name.data(), "dW");
    found.contexts.print(machine.name.data(), "E*W");
    found.contexts_of_large_groups.print(machine.name.data(), "E*W of many contexts and words");
    return found;
}

// 95 % of the places in all waves is what groups are cut for: it holds for E·W, whose rows they are. It
// cannot hold for all of dW, whose sides are V and d: 32000 words are 125 tiles whatever is done, .947 of 132
// multiprocessors, and 128256 are 501 columns of tiles, .949; nor of Z, which has the same columns in chunks
// that the cache holds. Those are held to what they reach, and printed.
TEST(ChunkingCuda, FillsTheWavesOfTheProductThatGroupsDecide) {
    const OfMachine on_h100 = efficiencies_on(h100, 64), on_a100 = efficiencies_on(a100, 64);
    EXPECT_GE(on_h100.contexts_of_large_groups.worst, 0.95);
    EXPECT_LE(on_h100.contexts.below, 7);
    EXPECT_GE(on_h100.logits.worst, 0.91);
    EXPECT_GE(on_h100.words.worst, 0.72);
    EXPECT_LE(on_h100.logits.below, 41);
    EXPECT_LE(on_h100.words.below, 60);
    // 64 dimensions fill no tile of an A100's E·W, and memory decides there.
    EXPECT_GE(on_a100.contexts_of_large_groups.worst, 0.79);
    EXPECT_GE(efficiencies_on(a100, 128).contexts_of_large_groups.worst, 0.945);
    EXPECT_GE(on_a100.logits.worst, 0.77);
    EXPECT_GE(on_a100.words.worst, 0.74);
}

TEST(ChunkingCuda, KeepsTheGroupsThatFillTheLastWave) {
    // Groups of 8448 contexts, rounded up to 9216 by chunks of 1024, left .705 and .544
    // (loss_step_cost_test).
    for (const LossStepShape& shape : {LossStepShape{50257, 65536, 1024}, {32000, 262144, 512}}) {
        const LossStepShape cut = planned(shape, h100);
        EXPECT_GE(loss_step_cost(cut, h100).contexts.efficiency(), 0.9695) << shape.vocab;
    }
}

TEST(ChunkingCuda, TakesAHandfulOfChunksOfFewWords) {
    const LossStepShape cut = planned({2000, 20000, 128}, h100);
    EXPECT_LE(loss_step_cost(cut, h100).nodes, 32);  // with chunks of 1024 it was 109
    EXPECT_LE(cut.chunk * 2048 * 4, 48'000'000);
    EXPECT_GE(cut.chunk * 2048 * 4, 32'000'000);
}

TEST(ChunkingCuda, ReachesTheShareOfTheProductsRate) {
    const double rate = attained_rate(h100, Precision::bf16);
    EXPECT_NEAR(rate, 790e12, 2e12);
    for (const auto& [dim, plain, epilogue] :
         {std::tuple{768, 0.70, 0.83}, {1024, 0.70, 0.85}, {4096, 0.70, 0.88}}) {
        const auto share = [&, d = dim](bool fused) {
            const LossStepShape cut = planned({50257, 65536, d, 0, 0, fused}, h100);
            return loss_step_cost(cut, h100).share(cut, rate);
        };
        std::printf("d %d: predicted share of the products' rate %.3f plain, %.3f with the epilogue\n", dim,
                    share(false), share(true));
        EXPECT_GE(share(false), plain);
        EXPECT_GE(share(true), epilogue);
    }
}

TEST(ChunkingCuda, CutsWholeStepsAndWholeChunksWithinItsMemory) {
    for (const Precision precision : {Precision::bf16, Precision::bf16x3, Precision::tf32, Precision::fp64})
        for (const std::int64_t vocab : {128, 32000, 128256, 2000000})
            for (const std::int64_t contexts : {1, 127, 1000, 65536})
                for (const bool epilogue : {false, precision == Precision::bf16}) {
                    const LossStepShape cut =
                        planned({vocab, contexts, 512, 0, 0, epilogue, precision}, a100);
                    SCOPED_TRACE(testing::Message() << vocab << ' ' << contexts << ' ' << cut.chunk);
                    if (cut.chunk < contexts) {
                        EXPECT_EQ(cut.chunk % 128, 0);
                    }
                    if (cut.group < contexts) {
                        EXPECT_EQ(cut.group % cut.chunk, 0);
                    }
                    EXPECT_LE(cut.chunk, cut.group);
                    EXPECT_LE(cut.group, std::min<std::int64_t>(contexts, 32768));
                    const ProductTypes types = product_types(precision);
                    if (cut.group > 128) {
                        EXPECT_LE(static_cast<double>(cut.group * vocab) * types.operand *
                                      static_cast<double>(types.terms),
                                  static_cast<double>(memory) / 16);
                    }
                    if (epilogue) {
                        EXPECT_EQ(cut.chunk, cut.group);
                    }
                }
}

TEST(ChunkingCuda, TakesWhatItIsGiven) {
    const auto cut = [](std::int64_t contexts, std::int64_t chunk, std::int64_t group) {
        const ChunkingCuda c = choose_chunking_cuda({50257, contexts, 768}, h100, memory, chunk, group);
        return std::pair(c.chunk, c.group);
    };
    constexpr std::int64_t many = std::int64_t{1} << 20;
    EXPECT_EQ(cut(50, 0, 0), std::pair(std::int64_t{50}, std::int64_t{50}));
    EXPECT_EQ(cut(many, 256, 0), std::pair(std::int64_t{256}, std::int64_t{256}));
    EXPECT_EQ(cut(many, 256, 1000), std::pair(std::int64_t{256}, std::int64_t{1024}));
    EXPECT_EQ(cut(many, 0, 512), std::pair(std::int64_t{512}, std::int64_t{512}));
    EXPECT_EQ(cut(many, 0, 4096), std::pair(std::int64_t{1024}, std::int64_t{4096}));
    EXPECT_EQ(cut(70, 30, 60), std::pair(std::int64_t{30}, std::int64_t{60}));
    EXPECT_EQ(cut(70, 30, 100), std::pair(std::int64_t{30}, std::int64_t{70}));
}

}  // namespace
}  // namespace ntpgeo::anchored_xent
