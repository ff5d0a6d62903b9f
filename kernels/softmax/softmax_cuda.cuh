// The anchored softmax of one context by a block (design 1.2), in fp64: the label arithmetic of a support
// entry, the support's terms, and the normalisation of the row. The device twin of softmax_cpu.hpp.
#pragma once

#include <cstdint>
#include <limits>
#include <port.cuh>

#include "kernels/softmax/divergence.hpp"
#include "kernels/softmax/softmax.hpp"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::softmax {

inline constexpr double log2e = 1.4426950408889634074;

struct LabelTerm {
    double residual;  ///< q̄ − p = p·expm1(δ)
    double excess;    ///< p·(expm1(δ) − δ)
};

/// Each right to a few ulp relative: a series where |δ| < 1/4, differences where they are benign.
__device__ inline LabelTerm label_term(double q, double p, double delta) {
    if (fabs(delta) < 0.25) {
        // Σ δ^(n−2)/n! for n = 14 … 2, so that expm1(δ) − δ = δ²·series.
        double series = 1.0 / 87178291200;
        series = fma(series, delta, 1.0 / 6227020800);
        series = fma(series, delta, 1.0 / 479001600);
        series = fma(series, delta, 1.0 / 39916800);
        series = fma(series, delta, 1.0 / 3628800);
        series = fma(series, delta, 1.0 / 362880);
        series = fma(series, delta, 1.0 / 40320);
        series = fma(series, delta, 1.0 / 5040);
        series = fma(series, delta, 1.0 / 720);
        series = fma(series, delta, 1.0 / 120);
        series = fma(series, delta, 1.0 / 24);
        series = fma(series, delta, 1.0 / 6);
        series = fma(series, delta, 0.5) * delta * delta;
        return {p * (delta + series), p * series};
    }
    const double difference = q - p;
    return {difference, difference - p * delta};
}

/// What a context's largest support logit and Σ e^{z − maximum} make of the labels.
struct SupportSums {
    double maximum, sum, log_sum;

    /// Of the entry with logit z, as if there were nothing off the support.
    [[nodiscard]] __device__ double q(double z) const { return exp(z - maximum) / sum; }
    [[nodiscard]] __device__ LabelTerm term(double z, double p, double log_p) const {
        const double above = z - maximum;
        return label_term(exp(above) / sum, p, (above - log_p) - log_sum);
    }
};

/// The sums over the support logits logit(s), s < size, in every thread of the block, which calls this whole;
/// one thread reads an entry, always the same. `scratch` as in block_sum. Its barriers publish what the block
/// wrote before.
template <class Logit>
__device__ SupportSums support_sums(std::int64_t size, const Logit& logit, double* scratch) {
    double maximum = -std::numeric_limits<double>::infinity();
    for (std::int64_t s = threadIdx.x; s < size; s += blockDim.x)
        maximum = device::larger(maximum, static_cast<double>(logit(s)));
    maximum = device::block_max(maximum, scratch);
    double sum = 0;
    for (std::int64_t s = threadIdx.x; s < size; s += blockDim.x) sum += exp(logit(s) - maximum);
    sum = device::block_sum(sum, scratch);
    return {maximum, sum, log(sum)};  // the logarithm is exactly 0 for a support of one token
}

/// The support's terms from the same logits and the labels' probs and log_probs [size], which may be null:
/// log p is taken here then; visit(s, z, term) has every entry once, in the thread that reads it.
template <class Logit, class Visit>
__device__ SupportTerms support_terms(std::int64_t size, const double* probs, const double* log_probs,
                                      const SupportSums& sums, const Logit& logit, const Visit& visit,
                                      double* scratch) {
    double excess = 0;
    for (std::int64_t s = threadIdx.x; s < size; s += blockDim.x) {
        const double z = logit(s);
        const LabelTerm term = sums.term(z, probs[s], log_probs ? log_probs[s] : log(probs[s]));
        excess += term.excess;
        visit(s, z, term);
    }
    return {sums.maximum + sums.log_sum, device::block_sum(excess, scratch)};
}

/// Exponentials off the support: the anchor as they have it, and their sum.
struct OffSupport {
    double anchor, ratio;
};

/// How a context is normalised, in every thread of the block, which calls this whole. `off` is against the
/// support's anchor but for its rounding, which is made good here, so that support and off-support terms are
/// measured alike. Where it towers over that anchor, or that is huge, the exponentials are made again against
/// the largest logit: each(visit) calls visit(v, z) for all of those, from any thread, and again(anchor)
/// makes them. `least_ratio`: below that they are too, and against a smaller anchor than the support's.
template <class Each, class Again>
__device__ Normalisation normalise_row(double weight, const SupportTerms& terms, OffSupport off,
                                       const Each& each, const Again& again, double* scratch,
                                       double least_ratio = 0) {
    if (off.ratio > largest_off_support_ratio || off.ratio < least_ratio ||
        fabs(terms.anchor) > largest_anchor) {
        double maximum = off.ratio < least_ratio ? terms.anchor - furthest_smaller_anchor : terms.anchor;
        each([&](std::int64_t, double z) { maximum = device::larger(maximum, z); });
        off = again(device::block_max(maximum, scratch));
        return normalise_redone(weight, terms, off.anchor, off.ratio);
    }
    const double u = exp(terms.anchor - off.anchor);  // 1 to a few ulp of the used anchor
    const double own_ratio = off.ratio / u, log1p_ratio = log1p(own_ratio);
    return {weight / (u + off.ratio),    u,          off.ratio,  log1p_ratio + terms.excess,
            own_ratio / (1 + own_ratio), off.anchor, log1p_ratio};
}

}  // namespace ntpgeo::softmax
