// Which tiles of a row of exponentials hold support or padding entries, so that the epilogue form has to
// repair them. The supports are fixed for a whole training: the list is made once, on the device, where the
// labels are.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"
#include "kernels/device/device.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// One tile of one context, with the entries of the context's support that lie in it.
struct TouchedTile {
    std::int64_t context;  ///< in the whole data set
    std::int64_t first;    ///< position of the first such entry in the whole data set
    std::int32_t entries;  ///< 0: the tile holds padding alone
    std::int32_t tile;
};

/// How many tiles the contexts before each chunk of `chunk` contexts touch, [chunks + 1]: the last number is
/// that of all. Tiles of `width` words cover the vocabulary, the last one perhaps with padding. Waits for the
/// device.
std::vector<std::int64_t> count_touched_tiles(device::Device& device, const LabelsView& labels,
                                              std::int64_t width, std::int64_t chunk);

/// tiles: the touched tiles of all contexts, in the order of contexts and words, as many as were counted.
/// Waits for the device.
void list_touched_tiles(device::Device& device, const LabelsView& labels, std::int64_t width,
                        TouchedTile* tiles);

}  // namespace ntpgeo::anchored_xent::cuda
