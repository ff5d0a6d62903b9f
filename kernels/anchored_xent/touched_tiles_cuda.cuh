// Which tiles of a row of exponentials hold support or padding entries, so that the epilogue form has to
// repair them: a list that the device makes of the labels it has, and whose length it alone knows.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/anchored_xent/loss_call.hpp"

namespace ntpgeo::anchored_xent::cuda {

/// One tile of one context, with the entries of the context's support that lie in it.
struct TouchedTile {
    std::int64_t context;  ///< of all
    std::int64_t first;    ///< position of the first such entry among all
    std::int32_t entries;  ///< 0: the tile holds padding alone
    std::int32_t tile;
};

/// No list of so many contexts and entries is longer: each entry touches a tile, and each context the
/// padding.
constexpr std::int64_t most_touched_tiles(std::int64_t contexts, std::int64_t nnz) {
    return contexts + nnz;
}

/// What list_touched_tiles works in, in bytes, for at most so many contexts.
std::int64_t touched_tiles_scan_bytes(std::int64_t contexts);

/// Where the list goes and what it is made in.
struct TouchedTiles {
    TouchedTile* tiles;    ///< [most_touched_tiles] in the order of contexts and words
    std::int64_t* begins;  ///< [contexts + 1] where each context's tiles begin in it, and its length
    void* scan;            ///< [scan_bytes]
    std::int64_t scan_bytes;
};

/// Queues the list of the labels' touched tiles. Tiles of `width` words cover the vocabulary, the last one
/// perhaps with padding.
void list_touched_tiles(const CallLabels& labels, std::int64_t vocab, std::int64_t width,
                        const TouchedTiles& to, cudaStream_t stream);

}  // namespace ntpgeo::anchored_xent::cuda
