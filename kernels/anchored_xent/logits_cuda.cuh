// Where kernels that walk over a context's logits find them: in memory, or nowhere, so that they are made
// anew. And what a metrics record reads off them.
#pragma once

#include <cstdint>
#include <limits>
#include <port.cuh>

#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/operands/stored.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::anchored_xent::cuda {

using namespace operands;

// Both call visit(v, z) once for every word v of the chunk's context b, with z = −infinity at its support,
// from whichever thread of the block has z. The whole block, of whole warps, calls `each`; two calls visit
// the same words from the same threads.

/// Z of a chunk.
template <class Logit>
struct StoredLogits {
    using Value = Logit;
    const Logit* data;  // [size, stride], −infinity at the supports
    std::int64_t stride, vocab;

    template <class Visit>
    __device__ void each(std::int64_t b, const Visit& visit) const {
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) visit(v, data[b * stride + v]);
    }
};

/// The products of the operands themselves, a warp a word: many times the work of reading Z, for the few
/// contexts and the few records that need it where there is no Z.
template <class A>
struct RecomputedLogits {
    static_assert(A::terms == 1);
    using Value = typename A::Logit;
    const typename A::Operand* contexts;  // [size, dim]
    const typename A::Operand* words;     // [vocab, dim]
    std::int64_t dim, vocab;
    const std::int64_t* indptr;   // [size+1]
    const std::int32_t* indices;  // [nnz]

    template <class Visit>
    __device__ void each(std::int64_t b, const Visit& visit) const {
        const std::int64_t warps = blockDim.x / device::warp_threads;
        const std::int64_t lane = threadIdx.x % device::warp_threads;
        for (std::int64_t v = threadIdx.x / device::warp_threads; v < vocab; v += warps) {
            Value sum{0};
            for (std::int64_t k = lane; k < dim; k += device::warp_threads)
                sum = fma(widen(words[v * dim + k]), widen(contexts[b * dim + k]), sum);
            sum = device::warp_sum(sum);
            if (lane == 0) visit(v, supports(b, v) ? -std::numeric_limits<Value>::infinity() : sum);
        }
    }

  private:
    __device__ bool supports(std::int64_t b, std::int64_t v) const {
        return device::position(indices + indptr[b], indptr[b + 1] - indptr[b], v) >= 0;
    }
};

/// One chunk; the three outputs as in LossDetail, at the chunk's first context.
template <class Logits>
struct DetailArguments {
    StoredMatrix contexts;    // [size, dim]
    const double* mean_word;  // [dim]
    Logits logits;
    double* mean_logits;
    double* off_support_max;
    double* off_support_square;
};

inline constexpr int detail_threads = 256;

/// A block a context.
template <class Logits>
__global__ void __launch_bounds__(detail_threads) detail_kernel(DetailArguments<Logits> a) {
    SHARED_ARRAY(double, scratch, 32);
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    const std::int64_t b = blockIdx.x;
    double mean = 0;
    with_stored(a.contexts.data, a.contexts.storage, [&](const auto* contexts) {
        for (std::int64_t k = threadIdx.x; k < a.contexts.columns; k += detail_threads)
            mean += a.mean_word[k] * static_cast<double>(widen(contexts[b * a.contexts.stride + k]));
    });
    mean = device::block_sum(mean, scratch);
    double maximum = nothing, square = 0;
    a.logits.each(b, [&](std::int64_t, double z) {
        if (z == nothing) return;
        maximum = device::larger(maximum, z);
        square += (z - mean) * (z - mean);
    });
    maximum = device::block_max(maximum, scratch);
    square = device::block_sum(square, scratch);
    if (threadIdx.x != 0) return;
    a.mean_logits[b] = mean;
    a.off_support_max[b] = maximum;
    a.off_support_square[b] = square;
}

template <class Logits>
void detail(const DetailArguments<Logits>& arguments, std::int64_t size, cudaStream_t stream) {
    NTPGEO_CHECK(launch(detail_kernel<Logits>, dim3(static_cast<unsigned>(size)), dim3(detail_threads), 0,
                        stream, arguments));
}

}  // namespace ntpgeo::anchored_xent::cuda
