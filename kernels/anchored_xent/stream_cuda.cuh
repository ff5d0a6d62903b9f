// Step 3 of design 4.1 on CUDA: E = exp(Z − a) in GEMM precision and its row sums, one pass over the logits.
#pragma once

#include <port.cuh>

#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/softmax/softmax_cuda.cuh"
#include "kernels/vectors/elementwise.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::anchored_xent::cuda {

using namespace operands;
using namespace softmax;

__device__ inline float exp2_of(float x) {
    return exp2f(x);
}
__device__ inline double exp2_of(double x) {
    return exp2(x);
}

/// e^{z − a} as 2^{z·log2 e − a·log2 e}.
template <class Logit>
__device__ Logit anchored_exp(Logit z, Logit log2_anchor) {
    return exp2_of(fma(z, static_cast<Logit>(log2e), -log2_anchor));
}

inline constexpr int stream_threads = 256;
inline constexpr int stream_packs = 4;  ///< 16-byte stores a thread: as many loads, or twice, are in flight

/// Logits that one block works on.
template <class A>
inline constexpr std::int64_t stream_tile =
    static_cast<std::int64_t>(stream_threads) * stream_packs* device::pack_width<typename A::Operand>;

/// logits [B, stride] with −infinity at the support; exponentials: A::terms planes of [B, stride], `plane`
/// elements apart, 0 at the support and in the padding; sums [B, tiles]: Σ of E as rounded over each tile,
/// four terms or two at a time in the logits' precision, then in fp64. `stride` is a multiple of 16 bytes of
/// operands, the pointers are 16-byte aligned. Grid (tiles, B).
template <class A>
__global__ void __launch_bounds__(stream_threads)
    stream_kernel(const typename A::Logit* __restrict__ logits,
                  const typename A::Logit* __restrict__ log2_anchors,
                  typename A::Operand* __restrict__ exponentials, std::int64_t plane,
                  double* __restrict__ sums, std::int64_t vocab, std::int64_t stride) {
    using Logit = typename A::Logit;
    using Operand = typename A::Operand;
    constexpr int width = device::pack_width<Operand>, part_width = device::pack_width<Logit>,
                  loads = width / part_width;
    SHARED_ARRAY(double, scratch, 32);
    const std::int64_t b = blockIdx.y;
    const std::int64_t first = blockIdx.x * stream_tile<A> + threadIdx.x * width;
    const Logit* const row = logits + b * stride;

    device::Pack<Logit, part_width> z[stream_packs][loads];
#pragma unroll
    for (int p = 0; p < stream_packs; ++p) {
        const std::int64_t column = first + p * (stream_threads * width);
        if (column >= stride) continue;
#pragma unroll
        for (int l = 0; l < loads; ++l) z[p][l] = device::load<part_width>(row + column + l * part_width);
    }

    const Logit log2_anchor = log2_anchors[b];
    double sum = 0;
#pragma unroll
    for (int p = 0; p < stream_packs; ++p) {
        const std::int64_t column = first + p * (stream_threads * width);
        if (column >= stride) continue;
        device::Pack<Operand, width> e[A::terms];
#pragma unroll
        for (int l = 0; l < loads; ++l) {
            Logit part{0};
#pragma unroll
            for (int i = 0; i < part_width; ++i) {
                const int at = l * part_width + i;
                const Terms<A> value(column + at < vocab ? anchored_exp(z[p][l].values[i], log2_anchor)
                                                         : Logit{0});
#pragma unroll
                for (int t = 0; t < A::terms; ++t) e[t].values[at] = value.term[t];
                part += value.sum();
            }
            sum += part;
        }
#pragma unroll
        for (int t = 0; t < A::terms; ++t)
            device::store(exponentials + t * plane + b * stride + column, e[t]);
    }
    sum = device::block_sum(sum, scratch);
    if (threadIdx.x == 0) sums[b * gridDim.x + blockIdx.x] = sum;
}

template <class A>
void stream_exponentials(const typename A::Logit* logits, const typename A::Logit* log2_anchors,
                         typename A::Operand* exponentials, std::int64_t plane, double* sums,
                         std::int64_t vocab, std::int64_t stride, std::int64_t size, cudaStream_t stream) {
    const std::int64_t tiles = (stride + stream_tile<A> - 1) / stream_tile<A>;
    NTPGEO_CHECK(launch(stream_kernel<A>, dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(size)),
                        dim3(stream_threads), 0, stream, logits, log2_anchors, exponentials, plane, sums,
                        vocab, stride));
}

}  // namespace ntpgeo::anchored_xent::cuda
