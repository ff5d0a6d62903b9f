// The label arithmetic of one support entry and the normalisation of one context, in fp64 (design 1.2): the
// device twin of label_terms.hpp and of rows_cpu.hpp's label_row.
#pragma once

#include <port.cuh>

#include "kernels/softmax/label_terms.hpp"

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

/// As softmax::normalise, with exponentials and `ratio` against `used_anchor`: the support's own but
/// for its rounding, which is made good here, so that support and off-support terms are measured alike.
__device__ inline Normalisation normalise_context(double weight, const SupportTerms& terms,
                                                  double used_anchor, double ratio) {
    const double u = exp(terms.anchor - used_anchor);  // 1 to a few ulp of the used anchor
    const double own_ratio = ratio / u;
    return {weight / (u + ratio), u, ratio, log1p(own_ratio) + terms.excess, own_ratio / (1 + own_ratio)};
}

/// As softmax::normalise_redone.
__device__ inline Normalisation normalise_redone_context(double weight, const SupportTerms& terms,
                                                         double larger_anchor, double ratio) {
    const double u = exp(terms.anchor - larger_anchor);
    const double total = u + ratio;
    return {weight / total, u, ratio, (larger_anchor - terms.anchor) + log(total) + terms.excess,
            ratio / total};
}

}  // namespace ntpgeo::softmax
