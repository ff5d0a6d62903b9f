// Between the fused product (epilogue_product_cutlass.cu) and its tiles, which are compiled apart
// (epilogue_product_tile.cu): each takes a compiler most of a minute.
#pragma once

#include "kernels/anchored_xent/epilogue_product.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// epilogue_product in tiles of epilogue_tiles[tile] on compute capability 9.0 (sm = 90) or 10.0 (sm = 100);
/// its arguments have been checked.
template <int sm, int tile>
void launch_epilogue_tile(const EpilogueProduct& product, cudaStream_t stream);

template <>
void launch_epilogue_tile<90, 0>(const EpilogueProduct& product, cudaStream_t stream);
template <>
void launch_epilogue_tile<90, 1>(const EpilogueProduct& product, cudaStream_t stream);
template <>
void launch_epilogue_tile<90, 2>(const EpilogueProduct& product, cudaStream_t stream);
// The two of 128×128 differ by clusters, which Blackwell's do not make.
template <>
void launch_epilogue_tile<100, 0>(const EpilogueProduct& product, cudaStream_t stream);
template <>
void launch_epilogue_tile<100, 2>(const EpilogueProduct& product, cudaStream_t stream);
static_assert(std::size(epilogue_tiles) == 3);

}  // namespace ntpgeo::anchored_xent::cuda
