// How far the model Q is from a teacher's top-k P where P's mass beyond the k words may be known too: the
// words off the support are one cell then, in which P is spread as Q is (design 1.6). For both backends:
// constexpr templates, which is what makes them callable from CUDA kernels without a word of CUDA.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/base/divergence.hpp"
#include "kernels/softmax/softmax.hpp"

namespace ntpgeo {

namespace softmax {

/// What an off-support factor is held at, in units of u or 1, so that neither it nor what is divided by it
/// overflows fp32: less is rounding of the numbers that it comes from.
inline constexpr double least_off_support_factor = 0x1p-60;
/// Where P has mass off the support and r passes below this, the row is redone with a smaller anchor.
inline constexpr double least_off_support_ratio = 0x1p-80;
/// By how much at most that lies below the support's: e to its power is a double.
inline constexpr double furthest_smaller_anchor = 600;

/// `u`: the residual weight.
template <class Number>
constexpr Number held_off_zero(Number factor, Number u) {
    const Number least = least_off_support_factor * (u > 1 ? u : Number{1});
    if (factor > -least && factor < least) return factor < 0 ? -least : least;
    return factor;
}

/// log(Q/P) of the two kinds of cells, with P = (1 − τ)·p on the support and τ off it: δ_s − log1p_c on it,
/// `rest` off it. c = (1 − τ)r − τ is the anchored form's r where there is a tail: 0 where both agree off the
/// support.
template <class Number>
struct TailTerms {
    Number c = 0, log1p_c = 0, rest = 0;
};

/// rest is infinite where τ = 0, and −infinite where Q has nothing off the support.
template <class Number>
constexpr TailTerms<Number> tail_terms(Number tail, const SupportTerms& terms, const Normalisation& normal) {
    const Number inverse_ratio = normal.residual_weight / normal.ratio,
                 ratio = normal.ratio / normal.residual_weight;
    TailTerms<Number> result;
    result.c = (1 - tail) * ratio - tail;
    result.log1p_c = result.c < 1 ? std::log1p(result.c) : normal.log1p_ratio + std::log1p(-tail);
    const Number share = result.c * inverse_ratio;  // 1 − τ/q_rest
    if (tail == 0)
        result.rest = std::numeric_limits<Number>::infinity();
    else if (share > -0.5 && share < 0.5)
        result.rest = -std::log1p(-share);
    else
        result.rest =
            std::log(normal.ratio) + (normal.anchor - terms.anchor) - normal.log1p_ratio - std::log(tail);
    return result;
}

/// KL(P ‖ Q) where P has mass τ off the support: the excess and gradient of `normal`, which knows of none,
/// with it. Off the support ĝ = E·c/r, on it p·expm1(δ) − p·c; the factor c/r goes into the row's scale.
template <class Number>
constexpr Normalisation with_tail(Number weight, Number tail, const SupportTerms& terms,
                                  Normalisation normal) {
    const TailTerms<Number> at = tail_terms(tail, terms, normal);
    const Number total = normal.residual_weight + normal.ratio,
                 own = (1 - tail) * normal.ratio - tail * normal.residual_weight,
                 factor = held_off_zero(own / normal.ratio, normal.residual_weight);
    normal.scale = weight * factor / total;
    normal.residual_weight /= factor;
    normal.ratio = own / factor;
    normal.excess = (1 - tail) * (at.log1p_c + terms.excess) - tail * at.rest;
    return normal;
}

/// What a cell of P's mass p and Q's mass q = p·e^λ adds to a divergence, none of it negative but by
/// rounding, and its derivative by q but for what all cells have in common. Where p or q is 0 λ is not read.
struct CellTerm {
    double loss = 0, slope = 0;
};

template <class Number>
constexpr CellTerm cell_term(const DivergenceOptions& divergence, Number p, Number q, Number lambda) {
    const Number beta = divergence.beta;
    if (divergence.kind == Divergence::reverse) {
        if (q == 0) return {p, 0};
        if (p == 0) return {std::numeric_limits<Number>::infinity(), std::numeric_limits<Number>::infinity()};
        if (lambda > 0.25 || lambda < -0.25) return {q * lambda - (q - p), lambda};
        const Number above = std::expm1(lambda);
        return {p * (above * lambda - (above - lambda)), lambda};
    }
    if (q == 0) return {-beta * p * std::log(beta), 0};
    if (p == 0) return {-(1 - beta) * q * std::log1p(-beta), -(1 - beta) * std::log1p(-beta)};
    // log(M/P) and log(Q/M), in the form that does not overflow.
    const Number model = lambda > 0 ? -std::log1p(beta * std::expm1(-lambda))
                                    : lambda - std::log1p((1 - beta) * std::expm1(lambda)),
                 mixed = lambda - model;
    return {(1 - beta) * q * model - beta * p * mixed, (1 - beta) * model};
}

/// One context under a divergence other than the forward one.
template <class Number>
struct CoarseRow {
    DivergenceOptions divergence;
    Number tail = 0, log1p_c = 0;
    Number on_support = 0;  ///< Q's share of the support, 1/(1 + r)
    CellTerm rest;          ///< of the words off the support
    Number rest_mass = 0;   ///< Q's

    constexpr CoarseRow() = default;
    constexpr CoarseRow(const DivergenceOptions& kind, Number tail_mass, const SupportTerms& terms,
                        const Normalisation& normal)
        : divergence(kind), tail(tail_mass), rest_mass(normal.off_support_mass) {
        const TailTerms<Number> at = tail_terms(tail_mass, terms, normal);
        log1p_c = at.log1p_c;
        on_support = normal.residual_weight / (normal.residual_weight + normal.ratio);
        rest = cell_term(kind, tail_mass, rest_mass, at.rest);
    }
    /// Of the entry with label p (those of a context sum to 1) and residual q̄ − p.
    [[nodiscard]] constexpr Number model_mass(Number p, Number residual) const {
        return on_support * (p + residual);
    }
    [[nodiscard]] constexpr CellTerm term(Number p, Number residual) const {
        return cell_term(divergence, (1 - tail) * p, model_mass(p, residual),
                         std::log1p(residual / p) - log1p_c);
    }
};

/// What the sums over a row's cells make of it: the loss, Σ q·slope, and where there is a gradient its parts,
/// as ĝ = E off the support and entry_weight·(p + residual)·(slope − mean_slope) on it, times `scale`.
struct CoarseGradient {
    double mean_slope = 0, entry_weight = 0, scale = 0;
};

template <class Number>
constexpr CoarseGradient coarse_gradient(const CoarseRow<Number>& row, Number weight, Number mean_slope,
                                         const Normalisation& normal) {
    const Number factor =
        held_off_zero(row.rest_mass == 0 ? Number{0} : row.rest.slope - mean_slope, normal.residual_weight);
    return {mean_slope, normal.residual_weight / factor,
            weight * factor / (normal.residual_weight + normal.ratio)};
}

}  // namespace softmax
}  // namespace ntpgeo
