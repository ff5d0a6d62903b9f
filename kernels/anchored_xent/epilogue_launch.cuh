// Between the fused product for Hopper (epilogue_product_cutlass.cu) and its tiles, which are compiled apart
// (epilogue_product_tile.cu): each takes a compiler most of a minute.
#pragma once

#include "kernels/anchored_xent/epilogue_product.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// epilogue_product in tiles of epilogue_tiles[tile]; its arguments have been checked.
template <int tile>
void launch_epilogue_tile(const EpilogueProduct& product, cudaStream_t stream);

template <>
void launch_epilogue_tile<0>(const EpilogueProduct& product, cudaStream_t stream);
template <>
void launch_epilogue_tile<1>(const EpilogueProduct& product, cudaStream_t stream);
template <>
void launch_epilogue_tile<2>(const EpilogueProduct& product, cudaStream_t stream);
static_assert(std::size(epilogue_tiles) == 3);

}  // namespace ntpgeo::anchored_xent::cuda
