// What the fused product leaves to be done before its exponentials are those of the words off the support.
#pragma once

#include <port.cuh>

#include "kernels/anchored_xent/epilogue_product.cuh"
#include "kernels/anchored_xent/touched_tiles.hpp"
#include "kernels/device/status.cuh"
#include "kernels/vectors/reduce.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// One chunk; pointers to per-context values stand at the chunk's first context, which is `first_context` in
/// the whole data set.
struct RepairArguments {
    const TouchedTile* touched;  // [count], of the chunk's contexts
    std::int64_t count, first_context;
    const std::int32_t* indices;  // [nnz], of the whole data set
    __nv_bfloat16* exponentials;  // [size, stride]
    std::int64_t vocab, stride;
    float* partials;  // [tiles, partials_stride]
    std::int64_t partials_stride;
};

inline constexpr int repair_threads = 256;
inline constexpr int repair_width = epilogue_tile / device::warp_threads;  // words a lane

/// Neighbouring words, read and written at once.
struct alignas(8) RepairPack {
    __nv_bfloat16 word[repair_width];
};
static_assert(sizeof(RepairPack) == 8);

/// A warp a touched tile: zeroes its support and padding entries, sums the rest anew and writes that over the
/// tile's partial sum. Subtracting would not do: a support's exponentials are of the order of 1, what
/// they would leave is the rounding of that, and r may be 1e-9.
inline __global__ void __launch_bounds__(repair_threads) repair_kernel(RepairArguments a) {
    const std::int64_t index =
        blockIdx.x * (repair_threads / device::warp_threads) + threadIdx.x / device::warp_threads;
    if (index >= a.count) return;
    const TouchedTile touched = a.touched[index];
    const std::int64_t b = touched.context - a.first_context;
    const std::int64_t lane = threadIdx.x % device::warp_threads;
    const std::int64_t first = touched.tile * epilogue_tile + lane * repair_width;

    unsigned zeroed = 0;  // a bit a word
    for (std::int32_t s = 0; s < touched.entries; ++s) {
        const std::int64_t at = a.indices[touched.first + s] - first;
        if (at >= 0 && at < repair_width) zeroed |= 1U << at;
    }
    auto* const place = reinterpret_cast<RepairPack*>(a.exponentials + b * a.stride + first);
    RepairPack pack = *place;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < repair_width; ++i) {
        if ((zeroed >> i & 1U) != 0 || first + i >= a.vocab) pack.word[i] = __float2bfloat16_rn(0.0F);
        sum += __bfloat162float(pack.word[i]);
    }
    *place = pack;
    sum = device::warp_sum(sum);
    if (lane == 0) a.partials[touched.tile * a.partials_stride + b] = sum;
}

inline void repair(const RepairArguments& arguments, cudaStream_t stream) {
    if (arguments.count == 0) return;
    constexpr std::int64_t warps = repair_threads / device::warp_threads;
    const auto blocks = static_cast<unsigned>((arguments.count + warps - 1) / warps);
    NTPGEO_CHECK(launch(repair_kernel, dim3(blocks), dim3(repair_threads), 0, stream, arguments));
}

}  // namespace ntpgeo::anchored_xent::cuda
