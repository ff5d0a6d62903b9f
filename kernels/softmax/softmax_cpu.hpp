// The anchored softmax of design 1.2 on the CPU, for rows of logits in either precision: the loss step calls
// it for a chunk of contexts, the dense columns for one. The passes over a row are vectorised by Highway for
// the machine they run on.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/base/views.hpp"
#include "kernels/cpu/rows.hpp"
#include "kernels/softmax/divergence.hpp"
#include "kernels/softmax/softmax.hpp"

namespace ntpgeo::softmax {

// The passes. Rows are padded to a multiple of row_padding.

/// In place E = e^{z − anchor} over `size` elements (a multiple of row_padding), returning Σ E. The anchor is
/// taken as fp32 or fp64 of anchor·log2 e, the row's own precision. fp32 sums at most four terms in fp32
/// before it goes on in fp64. −infinity gives exactly 0, results below the smallest normal number about 0,
/// above the largest +infinity, NaN gives NaN. Relative error: 1 ulp, and |z| times that of the argument.
double anchored_exp_row(float* row, std::int64_t size, double anchor);
double anchored_exp_row(double* row, std::int64_t size, double anchor);

/// The same of `columns` columns at once, cache lines of them, each against an anchor of its own: cells
/// [rows, columns], `stride` elements between rows. Adds each column's sum to sums [columns].
void anchored_exp_columns(float* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                          const double* anchors, double* sums);
void anchored_exp_columns(double* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                          const double* anchors, double* sums);

/// Of `columns` columns of logits (as above), each with a mean of its own: maximum [columns] and, added to
/// square [columns] row by row, (z − mean)², both over what is above −infinity, in fp64.
void add_spreads(const float* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                 const double* means, double* maximum, double* square);
void add_spreads(const double* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                 const double* means, double* maximum, double* square);

/// In place log1p(x) for x ≥ 0 over `size` elements of an array padded to a multiple of row_padding (the
/// padding is written too); a few ulp, NaN gives NaN.
void log1p_row(double* row, std::int64_t size);

/// The label arithmetic of design 1.2 over `size` support entries of arrays padded to a multiple of
/// row_padding. Given q̄, p and δ = log q̄ − log p: residual = q̄ − p = p·expm1(δ) and excess = p·(expm1(δ) −
/// δ), each right to a few ulp relative (a series where |δ| < 1/4, differences where they are benign).
/// `delta` is overwritten by the excess.
void label_row(const double* q, const double* probs, double* delta, double* residual, std::int64_t size);

// The support.

/// The support entries of one context after the other, in arrays that are padded for the passes, in memory
/// that somebody else owns.
struct SupportEntries {
    /// `memory` [size(most)] is for `most` entries.
    SupportEntries(double* memory, std::int64_t most)
        : logits(memory),
          q(logits + most + row_padding),
          probs(q + most + row_padding),
          residual(probs + most + row_padding) {}

    static std::int64_t size(std::int64_t most) { return 4 * (most + row_padding); }

    double* logits;    ///< z_s as given; then δ_s, then p(expm1 δ − δ)
    double* q;         ///< z_s − max, then q̄_s, the softmax over the support alone
    double* probs;     ///< p_s
    double* residual;  ///< q̄_s − p_s
};

/// How q̄ and δ are rounded. The two differ in the last bit at most, and each caller keeps its own, so that
/// its results are those of earlier versions to the bit.
enum class SupportRounding {
    reciprocal,  ///< e·(1/Σ) and (z − max − log p) − log Σ: what runs over a chunk's entries without a
                 ///< division
    quotient,  ///< e/Σ and (z − max) − (log Σ + log p)
};

/// From the support logits of the contexts [begin, begin + contexts), in entries.logits: q̄, the residuals and
/// the excess of every entry, and of every context its terms and log Σ e^{z − max} (log_sums may be null).
/// The loops run over all entries, so that exp and the series are vectorised across contexts.
void support_softmax(const LabelsView& labels, std::int64_t begin, std::int64_t contexts,
                     SupportRounding rounding, const SupportEntries& entries, SupportTerms* terms,
                     double* log_sums);

// The row.

/// One context's logits, and the entries of its support.
template <class G>
struct Row {
    G* data;  ///< [stride], a multiple of row_padding
    std::int64_t vocab, stride;
    const std::int32_t* words;  ///< [support] of the support
    std::int64_t support;

    Row(const LabelsView& labels, std::int64_t context, G* row, std::int64_t row_stride)
        : data(row),
          vocab(labels.vocab_size),
          stride(row_stride),
          words(labels.indices + labels.indptr[context]),
          support(labels.indptr[context + 1] - labels.indptr[context]) {}

    /// −infinity in the padding and at the support: its exponential is exactly 0.
    void mask() const {
        constexpr G nothing = -std::numeric_limits<G>::infinity();
        std::fill(data + vocab, data + stride, nothing);
        for (std::int64_t s = 0; s < support; ++s) data[words[s]] = nothing;
    }
    /// E off the support in place of the masked logits; returns its sum.
    [[nodiscard]] double exponentiate(double anchor) const { return anchored_exp_row(data, stride, anchor); }
    /// The same, of the differences: as exact as they are, however large the logits.
    [[nodiscard]] double exponentiate_difference(double anchor) const {
        for (std::int64_t v = 0; v < vocab; ++v) data[v] = static_cast<G>(data[v] - anchor);
        return anchored_exp_row(data, stride, 0);
    }
};

/// How the context is normalised whose exponentials against terms.anchor sum to `ratio`; log1p_ratio is
/// log1p(ratio). Where its off-support logits tower over that anchor, or that is huge, they are taken against
/// the largest logit: refill() writes the logits, which are lost by then, into the row again. That is rare.
/// `least_ratio`: below that they are too, and against a smaller anchor than the support's (with_tail needs
/// r).
template <class G, class Refill>
Normalisation normalise_row(const Row<G>& row, double weight, const SupportTerms& terms, double ratio,
                            double log1p_ratio, const Refill& refill, double least_ratio = 0) {
    if (!(ratio > largest_off_support_ratio) && !(ratio < least_ratio) &&
        !(std::abs(terms.anchor) > largest_anchor))
        return normalise(weight, terms, ratio, log1p_ratio);
    refill();
    row.mask();
    const double largest = *std::max_element(row.data, row.data + row.vocab);
    const double least = ratio < least_ratio ? terms.anchor - furthest_smaller_anchor : terms.anchor;
    const double anchor = std::max(least, largest);
    return normalise_redone(weight, terms, anchor, row.exponentiate_difference(anchor));
}

}  // namespace ntpgeo::softmax
