// What a loss step does at the supports on CUDA. Step 1 of design 4.1: the support logits in fp64,
// the anchors, and all that the labels alone decide. And the repair: what the fused product leaves
// to be done before its exponentials are those of the words off the support.
#pragma once

#include <algorithm>
#include <limits>
#include <port.cuh>

#include "kernels/anchored_xent/epilogue_product.cuh"
#include "kernels/anchored_xent/touched_tiles_cuda.cuh"
#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/operands/stored.cuh"
#include "kernels/softmax/softmax_cuda.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::anchored_xent::cuda {

using namespace softmax;

/// One chunk of `size` contexts; pointers to per-context values stand at the chunk's first context, pointers
/// to support entries at the first of all.
template <class Logit>
struct SupportArguments {
    StoredMatrix words;           // [V, dim]
    StoredMatrix contexts;        // [size, dim]
    const std::int64_t* indptr;   // [size+1]
    const std::int32_t* indices;  // [nnz]
    const double* probs;          // [nnz]
    const double* log_probs;      // [nnz]; null: taken here
    Logit* logits;  // [size, stride] Z, its support entries set to −infinity here; may be null
    std::int64_t stride;
    double* support_logits;        // [nnz] z_s; may be `residual`, which then takes their place
    double* residual;              // [nnz] q̄_s − p_s
    SupportTerms* terms;           // [size]
    Logit* log2_anchors;           // [size] a·log2 e as the exponentials of the context have it
    const double* bias = nullptr;  // [V]; may be null
};

inline constexpr int support_threads = 128;

/// ⟨a, b⟩ in fp64, whatever they are stored in, over the lanes of one warp, in every lane.
template <class A, class B>
__device__ double warp_dot(const A* __restrict__ a, const B* __restrict__ b, std::int64_t size) {
    double sum = 0;
#pragma unroll 4
    for (std::int64_t k = threadIdx.x % device::warp_threads; k < size; k += device::warp_threads)
        sum = fma(static_cast<double>(widen(a[k])), static_cast<double>(widen(b[k])), sum);
    return device::warp_sum(sum);
}

/// `read_logits`: Z is in fp64 and holds the support logits already.
template <class Logit, bool read_logits>
__global__ void __launch_bounds__(support_threads) support_kernel(SupportArguments<Logit> a) {
    SHARED_ARRAY(double, scratch, 32);
    const std::int64_t b = blockIdx.x;
    const std::int64_t begin = a.indptr[b], end = a.indptr[b + 1];
    Logit* const row = a.logits + b * a.stride;

    if constexpr (read_logits) {
        for (std::int64_t s = begin + threadIdx.x; s < end; s += support_threads)
            a.support_logits[s] = row[a.indices[s]];
    } else {
        constexpr int warps = support_threads / device::warp_threads;
        with_stored(a.words.data, a.words.storage, [&](const auto* words) {
            with_stored(a.contexts.data, a.contexts.storage, [&](const auto* contexts) {
                for (std::int64_t s = begin + threadIdx.x / device::warp_threads; s < end; s += warps) {
                    double z = warp_dot(words + a.indices[s] * a.words.stride,
                                        contexts + b * a.contexts.stride, a.words.columns);
                    if (a.bias) z += a.bias[a.indices[s]];
                    if (threadIdx.x % device::warp_threads == 0) a.support_logits[s] = z;
                }
            });
        });
        __syncthreads();
    }
    if (a.logits)
        for (std::int64_t s = begin + threadIdx.x; s < end; s += support_threads)
            row[a.indices[s]] = -std::numeric_limits<Logit>::infinity();

    const auto logit = [&](std::int64_t s) { return a.support_logits[begin + s]; };
    const SupportSums sums = support_sums(end - begin, logit, scratch);
    const SupportTerms terms = softmax::support_terms(
        end - begin, a.probs + begin, a.log_probs ? a.log_probs + begin : nullptr, sums, logit,
        [&](std::int64_t s, double, const LabelTerm& term) { a.residual[begin + s] = term.residual; },
        scratch);
    if (threadIdx.x == 0) {
        a.terms[b] = terms;
        a.log2_anchors[b] = static_cast<Logit>(terms.anchor * log2e);
    }
}

template <class Logit, bool read_logits>
void support(const SupportArguments<Logit>& arguments, std::int64_t size, cudaStream_t stream) {
    NTPGEO_CHECK(launch(support_kernel<Logit, read_logits>, dim3(static_cast<unsigned>(size)),
                        dim3(support_threads), 0, stream, arguments));
}

/// One chunk of `size` contexts; pointers to per-context values stand at the chunk's first context, which is
/// `first_context` of all.
struct RepairArguments {
    const TouchedTile* touched;  // of all contexts
    const std::int64_t* begins;  // [size+1] where each context's begin
    std::int64_t size, first_context;
    const std::int32_t* indices;  // [nnz]
    __nv_bfloat16* exponentials;  // [size, stride]
    std::int64_t vocab, stride;
    float* partials;  // [tiles, partials_stride]
    std::int64_t partials_stride, tile_words;
};

inline constexpr int repair_threads = 256;
inline constexpr int repair_width = 4;  // words a lane at once
inline constexpr std::int64_t repaired_at_once = repair_width * device::warp_threads;

/// Neighbouring words, read and written at once.
struct alignas(8) RepairPack {
    __nv_bfloat16 word[repair_width];
};
static_assert(sizeof(RepairPack) == 8);

/// A warp a touched tile: zeroes its support and padding entries, sums the rest anew and writes that over the
/// tile's partial sum. Subtracting would not do: a support's exponentials are of the order of 1, what
/// they would leave is the rounding of that, and r may be 1e-9.
__device__ inline void repair_tile(const RepairArguments& a, const TouchedTile& touched) {
    const std::int64_t b = touched.context - a.first_context;
    const std::int64_t lane = threadIdx.x % device::warp_threads;
    const std::int64_t tile_begin = touched.tile * a.tile_words;

    float sum = 0;
    for (std::int64_t part = 0; part < a.tile_words; part += repaired_at_once) {
        const std::int64_t first = tile_begin + part + lane * repair_width;
        unsigned zeroed = 0;  // a bit a word
        for (std::int32_t s = 0; s < touched.entries; ++s) {
            const std::int64_t at = a.indices[touched.first + s] - first;
            if (at >= 0 && at < repair_width) zeroed |= 1U << at;
        }
        auto* const place = reinterpret_cast<RepairPack*>(a.exponentials + b * a.stride + first);
        RepairPack pack = *place;
#pragma unroll
        for (int i = 0; i < repair_width; ++i) {
            if ((zeroed >> i & 1U) != 0 || first + i >= a.vocab) pack.word[i] = __float2bfloat16_rn(0.0F);
            sum += __bfloat162float(pack.word[i]);
        }
        *place = pack;
    }
    sum = device::warp_sum(sum);
    if (lane == 0) a.partials[touched.tile * a.partials_stride + b] = sum;
}

__global__ void __launch_bounds__(repair_threads) repair_kernel(RepairArguments a) {
    constexpr std::int64_t warps = repair_threads / device::warp_threads;
    const std::int64_t end = a.begins[a.size];
    for (std::int64_t index = a.begins[0] + blockIdx.x * warps + threadIdx.x / device::warp_threads;
         index < end; index += gridDim.x * warps)
        repair_tile(a, a.touched[index]);
}

/// How many tiles there are the device alone knows: no more than `most`.
inline void repair(const RepairArguments& arguments, std::int64_t most, int multiprocessors,
                   cudaStream_t stream) {
    constexpr std::int64_t warps = repair_threads / device::warp_threads, blocks_at_once = 8;
    const std::int64_t blocks = std::min((most + warps - 1) / warps, blocks_at_once * multiprocessors);
    NTPGEO_CHECK(launch(repair_kernel, dim3(static_cast<unsigned>(blocks)), dim3(repair_threads), 0, stream,
                        arguments));
}

}  // namespace ntpgeo::anchored_xent::cuda
