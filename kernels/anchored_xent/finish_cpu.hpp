// Step 4 of design 4.1 on the CPU: one context's loss, and its support's entries of Ĝ.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/softmax/divergence.hpp"
#include "kernels/softmax/softmax.hpp"

namespace ntpgeo::anchored_xent {

/// The support of one context: p, and q̄ − p as support_softmax leaves it.
struct SupportRow {
    const std::int32_t* words;
    const double *probs, *residual;
    std::int64_t size;
};

struct FinishedRow {
    double loss, scale;  ///< D(p, q) in nats; g = scale·ĝ
};

/// The context's exponentials are against normal.anchor; Ĝ at its support is written here: cell(word) is the
/// place. `tail` is τ where the labels have one, or null.
template <class Cell>
FinishedRow finish_row(const DivergenceOptions& divergence, const double* tail, double weight,
                       const softmax::SupportTerms& terms, softmax::Normalisation normal,
                       const SupportRow& support, const Cell& cell) {
    using G = std::remove_reference_t<decltype(cell(0))>;
    const double tau = tail ? *tail : 0;
    if (divergence.kind == Divergence::forward) {
        if (tau > 0) normal = softmax::with_tail(weight, tau, terms, normal);
        for (std::int64_t s = 0; s < support.size; ++s)
            cell(support.words[s]) = static_cast<G>(normal.residual_weight * support.residual[s] -
                                                    support.probs[s] * normal.ratio);
        return {normal.excess, normal.scale};
    }
    const softmax::CoarseRow<double> coarse(divergence, tau, terms, normal);
    double loss = coarse.rest.loss,
           mean_slope = coarse.rest_mass == 0 ? 0 : coarse.rest_mass * coarse.rest.slope;
    for (std::int64_t s = 0; s < support.size; ++s) {
        const softmax::CellTerm term = coarse.term(support.probs[s], support.residual[s]);
        loss += term.loss;
        mean_slope += coarse.model_mass(support.probs[s], support.residual[s]) * term.slope;
    }
    const softmax::CoarseGradient gradient = softmax::coarse_gradient(coarse, weight, mean_slope, normal);
    for (std::int64_t s = 0; s < support.size; ++s) {
        const double p = support.probs[s], residual = support.residual[s];
        cell(support.words[s]) = static_cast<G>(gradient.entry_weight * (p + residual) *
                                                (coarse.term(p, residual).slope - gradient.mean_slope));
    }
    return {loss, gradient.scale};
}

}  // namespace ntpgeo::anchored_xent
