// Where kernels that walk over a context's logits find them: in memory, or nowhere, so that they are made
// anew.
#pragma once

#include <port.cuh>

#include <cstdint>
#include <limits>

#include "kernels/operands/arithmetic.cuh"
#include "kernels/vectors/reduce.cuh"
#include "kernels/vectors/search.cuh"

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
    std::int64_t dim, vocab, first_entry;
    const std::int64_t* indptr;   // [size+1]
    const std::int32_t* indices;  // [entries]

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
        return device::position(indices + (indptr[b] - first_entry), indptr[b + 1] - indptr[b], v) >= 0;
    }
};

}  // namespace ntpgeo::anchored_xent::cuda
