// How the CUDA loss step cuts the contexts, on the GPU that design 4.1 reckons with: 132 multiprocessors.
#include "kernels/anchored_xent/plan_cuda.hpp"

#include <gtest/gtest.h>

namespace ntpgeo::anchored_xent {
namespace {

constexpr std::int64_t many = std::int64_t{1} << 20, bf16_row = 50304 * 2;

TEST(ChunkingCuda, GroupsFillWholeWavesOfTheSecondGradientProduct) {
    EXPECT_EQ(choose_group_cuda(768, bf16_row, 132), 11264);  // 88·3 tiles of 128×256: two waves
    EXPECT_EQ(choose_group_cuda(1024, bf16_row, 132), 8448);  // 66·4 tiles: two waves
}

TEST(ChunkingCuda, StaysWithinItsMemory) {
    for (const std::int64_t vocab : {128, 32000, 128256, 2000000}) {
        const std::int64_t group = choose_group_cuda(512, vocab * 8, 108);
        EXPECT_EQ(group % 256, 0);
        EXPECT_GE(group, 256);
        EXPECT_LE(group, 16384);
        if (group > 256) {
            EXPECT_LE(group * vocab * 8, std::int64_t{4} << 30) << vocab;
        }
    }
}

TEST(ChunkingCuda, CutsGroupsIntoWholeChunks) {
    const auto cut = [](std::int64_t contexts, std::int64_t chunk, std::int64_t group) {
        const ChunkingCuda c = choose_chunking_cuda(contexts, 768, bf16_row, 132, chunk, group);
        return std::pair(c.chunk, c.group);
    };
    EXPECT_EQ(cut(many, 0, 0), std::pair(std::int64_t{1024}, std::int64_t{11264}));
    EXPECT_EQ(cut(50, 0, 0), std::pair(std::int64_t{50}, std::int64_t{50}));
    EXPECT_EQ(cut(many, 256, 0), std::pair(std::int64_t{256}, std::int64_t{256}));
    EXPECT_EQ(cut(many, 256, 1000), std::pair(std::int64_t{256}, std::int64_t{1024}));
    EXPECT_EQ(cut(many, 0, 512), std::pair(std::int64_t{512}, std::int64_t{512}));
    EXPECT_EQ(cut(70, 30, 60), std::pair(std::int64_t{30}, std::int64_t{60}));
    EXPECT_EQ(cut(70, 30, 100), std::pair(std::int64_t{30}, std::int64_t{70}));
}

}  // namespace
}  // namespace ntpgeo::anchored_xent
