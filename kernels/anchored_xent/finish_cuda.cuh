// Steps 4 and 5 of design 4.1 on CUDA, but for the products: each context's normalisation, its support
// entries of E, the scaled embeddings D·H_B, and the gradients in master precision.
#pragma once

#include <port.cuh>

#include <limits>

#include "kernels/anchored_xent/logits_cuda.cuh"
#include "kernels/anchored_xent/stream_cuda.cuh"
#include "kernels/operands/stored.cuh"
#include "kernels/softmax/divergence.hpp"
#include "kernels/softmax/softmax_cuda.cuh"

namespace ntpgeo::anchored_xent::cuda {

using namespace operands;
using namespace softmax;

inline constexpr int finish_threads = 128;

/// One chunk, as in SupportArguments.
template <class A, class Logits>
struct FinishArguments {
    StoredMatrix contexts;  // [size, dim]
    std::int64_t padded_dim, stride, tiles;
    const std::int64_t* indptr;             // [size+1]
    const std::int32_t* indices;            // [nnz]
    const double* probs;                    // [nnz]
    const double* residual;                 // [nnz]
    const double* context_weights;          // [size] π
    const SupportTerms* terms;              // [size]
    const typename A::Logit* log2_anchors;  // [size]
    const double* sums;                     // [size, tiles] of the exponentials
    Logits logits;                          // for contexts whose exponentials are redone
    typename A::Operand* exponentials;      // A::terms planes of [size, stride]
    std::int64_t plane;                     // elements from one plane to the next
    typename A::Operand* scaled;            // [size, A::terms·padded_dim] D·H_B, its terms side by side
    double* scale;                          // [size] D
    double* weighted_excess;                // [size] π_j · excess loss
    double* weighted_mass;                  // [size] π_j · off-support mass
    double* excess;                         // [size] the two without π_j; each may be null
    double* mass;
    const double* tails;  // [size] τ; may be null
    DivergenceOptions divergence;
};

/// How a context's support entries of Ĝ are made, in every thread of the block.
struct Finished {
    double loss, scale;
    double residual_weight, ratio;  // forward: residual_weight·residual − p·ratio
    CoarseGradient gradient;        // otherwise
};

/// With a tail, or under another divergence than the forward one, whose cells are left in `row`.
template <class A, class Logits>
__device__ Finished finish_coarsely(const FinishArguments<A, Logits>& a, std::int64_t b, double weight,
                                    double tail, const Normalisation& normal, CoarseRow<double>& row,
                                    double* scratch) {
    if (a.divergence.kind == Divergence::forward) {
        const Normalisation with = tail > 0 ? with_tail(weight, tail, a.terms[b], normal) : normal;
        return {with.excess, with.scale, with.residual_weight, with.ratio, {}};
    }
    row = CoarseRow<double>(a.divergence, tail, a.terms[b], normal);
    double loss = 0, mean_slope = 0;
    for (std::int64_t s = a.indptr[b] + threadIdx.x; s < a.indptr[b + 1]; s += finish_threads) {
        const CellTerm term = row.term(a.probs[s], a.residual[s]);
        loss += term.loss;
        mean_slope += row.model_mass(a.probs[s], a.residual[s]) * term.slope;
    }
    loss = device::block_sum(loss, scratch) + row.rest.loss;
    mean_slope =
        device::block_sum(mean_slope, scratch) + (row.rest_mass == 0 ? 0 : row.rest_mass * row.rest.slope);
    const CoarseGradient gradient = coarse_gradient(row, weight, mean_slope, normal);
    return {loss, gradient.scale, 0, 0, gradient};
}

/// E of context b against `anchor`, to `exponentials`, of the differences: as exact as they are, however
/// large the logits.
template <class A, class Logits>
__device__ OffSupport exponentiate_row(const Logits& logits, std::int64_t b, double anchor,
                                       typename A::Operand* exponentials, std::int64_t plane,
                                       double* scratch) {
    using Logit = typename A::Logit;
    double sum = 0;
    logits.each(b, [&](std::int64_t v, Logit z) {
        const Terms<A> value(exp2_of(static_cast<Logit>((z - anchor) * log2e)));
        for (int t = 0; t < A::terms; ++t) exponentials[t * plane + v] = value.term[t];
        sum += value.sum();
    });
    return {anchor, device::block_sum(sum, scratch)};
}

/// A block a context. `with_gradient` false leaves E and D·H_B alone; `coarse` true knows tails and
/// divergences.
template <class A, class Logits, bool with_gradient, bool coarse>
__global__ void __launch_bounds__(finish_threads) finish_kernel(FinishArguments<A, Logits> a) {
    SHARED_ARRAY(double, scratch, 32);
    const std::int64_t b = blockIdx.x;
    double ratio = 0;
    for (std::int64_t tile = threadIdx.x; tile < a.tiles; tile += finish_threads)
        ratio += a.sums[b * a.tiles + tile];
    ratio = device::block_sum(ratio, scratch);

    typename A::Operand* const row = a.exponentials + b * a.stride;
    const double weight = a.context_weights[b];
    const double tail = coarse && a.tails ? a.tails[b] : 0.0;
    const Normalisation normal = normalise_row(
        weight, a.terms[b], {static_cast<double>(a.log2_anchors[b]) / log2e, ratio},
        [&](const auto& visit) { a.logits.each(b, visit); },
        [&](double anchor) { return exponentiate_row<A>(a.logits, b, anchor, row, a.plane, scratch); },
        scratch, coarse && tail > 0 ? least_off_support_ratio : 0);
    Finished finished{normal.excess, normal.scale, normal.residual_weight, normal.ratio, {}};
    [[maybe_unused]] CoarseRow<double> cells;
    if constexpr (coarse) finished = finish_coarsely(a, b, weight, tail, normal, cells, scratch);
    if (threadIdx.x == 0) {
        a.scale[b] = finished.scale;
        a.weighted_excess[b] = weight * finished.loss;
        a.weighted_mass[b] = weight * normal.off_support_mass;
        if (a.excess) a.excess[b] = finished.loss;
        if (a.mass) a.mass[b] = normal.off_support_mass;
    }
    if constexpr (with_gradient) {
        const std::int64_t end = a.indptr[b + 1];
        for (std::int64_t s = a.indptr[b] + threadIdx.x; s < end; s += finish_threads) {
            const double p = a.probs[s], residual = a.residual[s];
            double gradient = finished.residual_weight * residual - p * finished.ratio;
            if constexpr (coarse)
                if (a.divergence.kind != Divergence::forward)
                    gradient = finished.gradient.entry_weight * (p + residual) *
                               (cells.term(p, residual).slope - finished.gradient.mean_slope);
            const Terms<A> value(static_cast<typename A::Logit>(gradient));
            for (int t = 0; t < A::terms; ++t) row[t * a.plane + a.indices[s]] = value.term[t];
        }
        typename A::Operand* const scaled = a.scaled + b * A::terms * a.padded_dim;
        with_stored(a.contexts.data, a.contexts.storage, [&](const auto* contexts) {
            for (std::int64_t k = threadIdx.x; k < a.padded_dim; k += finish_threads) {
                const double h = k < a.contexts.columns
                                     ? static_cast<double>(widen(contexts[b * a.contexts.stride + k]))
                                     : 0.0;
                const Terms<A> value(static_cast<typename A::Logit>(finished.scale * h));
                for (int t = 0; t < A::terms; ++t) scaled[t * a.padded_dim + k] = value.term[t];
            }
        });
    }
}

template <class A, class Logits>
void finish(const FinishArguments<A, Logits>& arguments, std::int64_t size, bool with_gradient,
            cudaStream_t stream) {
    const bool coarse = arguments.tails || arguments.divergence.kind != Divergence::forward;
    auto* const kernel =
        with_gradient ? coarse ? finish_kernel<A, Logits, true, true> : finish_kernel<A, Logits, true, false>
        : coarse ? finish_kernel<A, Logits, false, true>
                      : finish_kernel<A, Logits, false, false>;
    NTPGEO_CHECK(
        launch(kernel, dim3(static_cast<unsigned>(size)), dim3(finish_threads), 0, stream, arguments));
}

/// out = u·scale·gradient + λ·parameters, or what out holds in place of the latter.
template <class Logit>
struct CombineArguments {
    const Logit* gradient;  // [rows, stride]
    std::int64_t stride;
    const double* scale;      // [rows]; null: 1
    const double* upstream;   // u; null: 1
    const double* ridge;      // λ; null: 0
    StoredMatrix parameters;  // [rows, columns]
    StoredMatrix out;         // [rows, columns]
    bool adds = false;
};

/// A block a row.
template <class Logit>
__global__ void __launch_bounds__(128) combine_kernel(CombineArguments<Logit> a) {
    const std::int64_t row = blockIdx.x;
    const double ridge = a.ridge ? *a.ridge : 0.0;
    double factor = a.scale ? a.scale[row] : 1.0;
    if (a.upstream) factor *= *a.upstream;
    with_stored(a.parameters.data, a.parameters.storage, [&](const auto* parameters) {
        with_stored(a.out.data, a.out.storage, [&]<class Out>(Out* out) {
            for (std::int64_t k = threadIdx.x; k < a.out.columns; k += blockDim.x) {
                const double value = factor * static_cast<double>(a.gradient[row * a.stride + k]);
                double rest = 0;
                if (a.adds)
                    rest = static_cast<double>(widen(out[row * a.out.stride + k]));
                else if (ridge != 0)
                    rest = ridge * static_cast<double>(widen(parameters[row * a.parameters.stride + k]));
                out[row * a.out.stride + k] = rounded_to<Out>(value + rest);
            }
        });
    });
}

template <class Logit>
void combine(const CombineArguments<Logit>& arguments, std::int64_t rows, cudaStream_t stream) {
    NTPGEO_CHECK(
        launch(combine_kernel<Logit>, dim3(static_cast<unsigned>(rows)), dim3(128), 0, stream, arguments));
}

}  // namespace ntpgeo::anchored_xent::cuda
