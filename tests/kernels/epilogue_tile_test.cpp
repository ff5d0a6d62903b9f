// The choice of the fused product's tile, against counts made by hand.
#include "kernels/anchored_xent/epilogue_tile.hpp"

#include <gtest/gtest.h>

namespace ntpgeo::anchored_xent {
namespace {

constexpr std::int64_t sms = 132;

TEST(EpilogueTile, CountsWholeClustersInWaves) {
    // 5 tiles of contexts are 3 pairs, 4 tiles of words: 12 clusters of two on 10 multiprocessors.
    const auto pairs = epilogue_waves({128, 128, 2, 1, true, 1.0}, 5 * 128, 4 * 128, 1024, 10, 1e13);
    EXPECT_EQ(pairs.tiles, 24);
    EXPECT_EQ(pairs.waves, 3);
    const double multiply = 2.0 * 128 * 128 * 1024 * 10 / 1e13, exponentials = 128 * 128 / (16 * 1.83e9);
    EXPECT_NEAR(pairs.seconds, 3 * multiply + exponentials, 1e-12);
    // Clusters of four: two at once on 10 multiprocessors.
    const auto fours = epilogue_waves({128, 128, 2, 2, true, 1.0}, 5 * 128, 4 * 128, 1024, 10, 1e13);
    EXPECT_EQ(fours.tiles, 24);
    EXPECT_EQ(fours.waves, 3);
    // One tile at a time: its exponentials are waited for.
    const auto whole = epilogue_waves({128, 256, 2, 1, false, 1.0}, 5 * 128, 4 * 128, 1024, 10, 1e13);
    EXPECT_EQ(whole.waves, 2);
    EXPECT_NEAR(whole.seconds, 2 * 2 * (multiply + exponentials), 1e-12);
}

TEST(EpilogueTile, TakesTurnsWhereExponentialsWeighAndLargeTilesWhereTheyDoNot) {
    for (const std::int64_t dim : {64, 128, 256, 512})
        EXPECT_TRUE(epilogue_tiles[choose_epilogue_tile(65536, 50257, dim, sms)].in_turns) << dim;
    for (const std::int64_t dim : {2048, 4096})
        EXPECT_FALSE(epilogue_tiles[choose_epilogue_tile(65536, 50257, dim, sms)].in_turns) << dim;
}

TEST(EpilogueTile, IsTheFastestOfAll) {
    const double rate = device::machines[0].bf16 * device::attained_products;
    for (const std::int64_t contexts : {100, 4096, 65536})
        for (const std::int64_t words : {2000, 32000, 128256})
            for (const std::int64_t dim : {64, 768, 1024, 4096}) {
                const int chosen = choose_epilogue_tile(contexts, words, dim, sms);
                for (const EpilogueTile& tile : epilogue_tiles)
                    EXPECT_LE(epilogue_waves(epilogue_tiles[chosen], contexts, words, dim, sms, rate).seconds,
                              epilogue_waves(tile, contexts, words, dim, sms, rate).seconds);
            }
}

TEST(EpilogueTile, PartialSumsAndRepairsFitEveryTile) {
    for (const EpilogueTile& tile : epilogue_tiles) {
        EXPECT_EQ(tile.contexts, 128);   // partials_stride
        EXPECT_EQ(tile.words % 128, 0);  // what a warp repairs at once
        EXPECT_LE(tile.words, most_epilogue_words);
    }
}

}  // namespace
}  // namespace ntpgeo::anchored_xent
