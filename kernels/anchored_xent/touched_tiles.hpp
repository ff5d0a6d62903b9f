// Which tiles of a row of exponentials hold support or padding entries. The supports are fixed for a whole
// training, so the list is made once, on the host.
#pragma once

#include <cstdint>
#include <vector>

namespace ntpgeo::anchored_xent {

/// One tile of one context, with the entries of the context's support that lie in it.
struct TouchedTile {
    std::int64_t context = 0;  ///< in the whole data set
    std::int64_t first = 0;    ///< position of the first such entry in the whole data set
    std::int32_t entries = 0;  ///< 0: the tile holds padding alone
    std::int32_t tile = 0;
};

/// The touched tiles of all contexts, in order; `begin` [m+1] says where each context's start.
struct TouchedTiles {
    std::vector<TouchedTile> tiles;
    std::vector<std::int64_t> begin;
};

/// indptr [m+1] and indices [nnz], ascending in each context, as in LabelsView, on the host. Tiles of `width`
/// words cover the vocabulary, the last one perhaps with padding.
inline TouchedTiles touched_tiles(const std::vector<std::int64_t>& indptr,
                                  const std::vector<std::int32_t>& indices, std::int64_t vocab,
                                  std::int64_t width) {
    const auto contexts = static_cast<std::int64_t>(indptr.size()) - 1;
    const std::int64_t padded_tile = vocab % width == 0 ? -1 : vocab / width;
    TouchedTiles touched;
    touched.begin.reserve(indptr.size());
    touched.begin.push_back(0);
    for (std::int64_t j = 0; j < contexts; ++j) {
        std::int64_t last = -1;
        for (std::int64_t s = indptr[j]; s < indptr[j + 1]; ++s) {
            const std::int64_t tile = indices[s] / width;
            if (tile != last) touched.tiles.push_back({j, s, 0, static_cast<std::int32_t>(tile)});
            ++touched.tiles.back().entries;
            last = tile;
        }
        if (padded_tile >= 0 && last != padded_tile)
            touched.tiles.push_back({j, indptr[j + 1], 0, static_cast<std::int32_t>(padded_tile)});
        touched.begin.push_back(static_cast<std::int64_t>(touched.tiles.size()));
    }
    return touched;
}

}  // namespace ntpgeo::anchored_xent
