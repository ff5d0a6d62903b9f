// The list of tiles that the epilogue form of the loss step has to repair.
#include "kernels/anchored_xent/plan_cuda.hpp"

#include <gtest/gtest.h>

#include <random>

namespace ntpgeo::anchored_xent {
namespace {

TEST(TouchedTiles, HoldEverySupportEntryAndEveryContextsPaddingOnce) {
    std::mt19937 random(3);
    for (const std::int64_t vocab : {1, 7, 8, 9, 16, 100}) {
        std::vector<std::int64_t> indptr{0};
        std::vector<std::int32_t> indices;
        for (int j = 0; j < 40; ++j) {
            for (std::int32_t v = 0; v < vocab; ++v)
                if (random() % 4 == 0 || (v == j % vocab)) indices.push_back(v);
            indptr.push_back(static_cast<std::int64_t>(indices.size()));
        }
        const TouchedTiles touched = touched_tiles(indptr, indices, vocab, 8);
        ASSERT_EQ(touched.begin.size(), indptr.size());
        ASSERT_EQ(touched.begin.back(), static_cast<std::int64_t>(touched.tiles.size()));
        for (std::int64_t j = 0; j < 40; ++j) {
            std::int64_t position = indptr[j], last_tile = -1;
            bool padding_seen = false;
            for (std::int64_t i = touched.begin[j]; i < touched.begin[j + 1]; ++i) {
                const TouchedTile& tile = touched.tiles[i];
                EXPECT_EQ(tile.context, j);
                EXPECT_GT(tile.tile, last_tile);
                EXPECT_EQ(tile.first, position);
                for (int s = 0; s < tile.entries; ++s)
                    EXPECT_EQ(indices[position + s] / 8, tile.tile) << vocab << ' ' << j;
                position += tile.entries;
                last_tile = tile.tile;
                if ((tile.tile + 1) * 8 > vocab) padding_seen = true;
                EXPECT_TRUE(tile.entries > 0 || (tile.tile + 1) * 8 > vocab);
            }
            EXPECT_EQ(position, indptr[j + 1]);
            EXPECT_EQ(padding_seen, vocab % 8 != 0);
        }
    }
}

}  // namespace
}  // namespace ntpgeo::anchored_xent
