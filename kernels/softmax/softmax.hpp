// The anchored softmax of one context (design 1.2): how the support and the rest of the vocabulary meet, in
// fp64. The routines over a row's logits are softmax_cpu.hpp's and softmax_cuda.cuh's.
#pragma once

#include <cmath>
#include <cstdint>

namespace ntpgeo::softmax {

/// A context whose off-support ratio passes this is redone with a larger anchor.
inline constexpr double largest_off_support_ratio = 0x1p40;

/// So is one whose anchor is larger than this: against it exponents are differences of two products with log2
/// e, whose rounding is then no longer small (beyond 1e19 it is thousands); redone, of two logits.
inline constexpr double largest_anchor = 0x1p20;

/// What the support logits of one context give before anything is known off the support.
struct SupportTerms {
    double anchor = 0;  ///< a_j = lse over the support
    double excess = 0;  ///< Σ_s p_s (expm1(δ_s) − δ_s)
};

/// How one context is normalised: g_j = scale·ĝ_j, with ĝ off the support as streamed against `anchor`,
/// and ĝ_s = residual_weight·residual_s − p_s·ratio on it.
struct Normalisation {
    double scale = 0;             ///< π_j/(1+r_j), or π_j/T for a redone context
    double residual_weight = 1;   ///< 1, or u = e^{a−c} for a redone context
    double ratio = 0;             ///< r_j, or r′_j measured against c
    double excess = 0;            ///< excess loss of the context
    double off_support_mass = 0;  ///< r_j/(1+r_j), or r′_j/T
    double anchor = 0;            ///< a_j, or c
    double log1p_ratio = 0;       ///< log(1 + r_j)
};

/// Against the support's own anchor; log1p_ratio is log1p(ratio).
inline Normalisation normalise(double weight, const SupportTerms& terms, double ratio, double log1p_ratio) {
    return {weight / (1 + ratio), 1,          ratio, log1p_ratio + terms.excess, ratio / (1 + ratio),
            terms.anchor,         log1p_ratio};
}

/// Against another anchor c, or the same (design (1.2-14)): u = e^{a−c}, T = u + r′. A constexpr template, so
/// that CUDA kernels may call it.
template <class Number>
constexpr Normalisation normalise_redone(Number weight, const SupportTerms& terms, Number other_anchor,
                                         Number ratio) {
    const Number u = std::exp(terms.anchor - other_anchor);
    const Number total = u + ratio;
    const Number log_total = u == 1 ? std::log1p(ratio) : std::log(total);
    return {weight / total,
            u,
            ratio,
            (other_anchor - terms.anchor) + log_total + terms.excess,
            ratio / total,
            other_anchor,
            u > 1 ? std::log1p(ratio / u) : (other_anchor - terms.anchor) + log_total};
}

}  // namespace ntpgeo::softmax
