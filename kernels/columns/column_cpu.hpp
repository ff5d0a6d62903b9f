// Softmax minus label of one dense column in the anchored form (design 1.2), for the CPU twins of columns/.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"
#include "kernels/softmax/softmax_cpu.hpp"

namespace ntpgeo {

/// Columns that a thread takes together.
inline constexpr std::int64_t columns_at_once = 16;

/// The largest support's size.
inline std::int64_t longest_support(const LabelsView& labels) {
    std::int64_t longest = 0;
    for (std::int64_t c = 0; c < labels.contexts; ++c)
        longest = std::max(longest, labels.indptr[c + 1] - labels.indptr[c]);
    return longest;
}

/// Memory for one column at a time; one a thread.
class ColumnSoftmax {
  public:
    /// `longest` is the largest support's size.
    ColumnSoftmax(std::int64_t vocab, std::int64_t longest)
        : vocab_(vocab),
          q_(static_cast<std::size_t>(padded(vocab))),
          entries_(static_cast<std::size_t>(softmax::SupportEntries::size(longest))),
          support_(entries_.data(), longest) {}
    ColumnSoftmax(const ColumnSoftmax&) = delete;
    ColumnSoftmax(ColumnSoftmax&&) = default;

    /// Takes the logits row[v]/scale of column c, and makes q = softmax and the excess loss Σ p log(p/q), not
    /// yet weighted by π.
    void evaluate(const LabelsView& labels, std::int64_t c, const double* row, double scale);

    /// q_v for every word, [V]; on the support too.
    [[nodiscard]] const double* q() const { return q_.data(); }
    /// q_s − p_s at the support's entries, in their order. What δ's rounding leaves of Σ(q − p) is taken off
    /// them, in the proportions of p, so that with q off the support they sum to 0 up to rounding of their
    /// own size.
    [[nodiscard]] const double* residual() const { return support_.residual; }
    [[nodiscard]] double excess() const { return excess_; }
    /// Bounds the error of excess() to first order.
    [[nodiscard]] double rounding() const { return rounding_; }

  private:
    std::int64_t vocab_;
    double excess_ = 0, rounding_ = 0;
    std::vector<double> q_, entries_;
    softmax::SupportEntries support_;  // in entries_
};

inline void ColumnSoftmax::evaluate(const LabelsView& labels, std::int64_t c, const double* row,
                                    double scale) {
    const std::int64_t begin = labels.indptr[c];
    const softmax::Row<double> column(labels, c, q_.data(), static_cast<std::int64_t>(q_.size()));
    const std::int64_t size = column.support;
    const std::int32_t* const words = column.words;
    double* const residual = support_.residual;
    const double inverse = 1 / scale;
    const auto fill = [&] {
        for (std::int64_t v = 0; v < vocab_; ++v) q_[v] = row[v] * inverse;
    };
    fill();
    double maximum = q_[words[0]];
    for (std::int64_t s = 0; s < size; ++s) {
        support_.logits[s] = q_[words[s]];
        maximum = std::max(maximum, q_[words[s]]);
    }
    softmax::SupportTerms terms;
    double log_sum = 0;
    softmax::support_softmax(labels, c, 1, softmax::SupportRounding::quotient, support_, &terms, &log_sum);
    // An error ε of δ_s moves the excess by (q̄_s − p_s)ε.
    double absolute = 0, sensitivity = 0;
    for (std::int64_t s = 0; s < size; ++s) {
        absolute += std::abs(support_.logits[s]);
        sensitivity += std::abs(residual[s]) *
                       (std::abs(q_[words[s]]) + std::abs(maximum) + log_sum - labels.log_probs[begin + s]);
    }

    column.mask();
    const double own_ratio = column.exponentiate(terms.anchor);
    const softmax::Normalisation normal =
        softmax::normalise_row(column, 1, terms, own_ratio, std::log1p(own_ratio), fill);
    // q and p sum to 1. That their doubles do so to rounding only would push a column along 1, where nothing
    // but the prox's ρ holds it, and would leave a dual point that is none.
    const double ratio = normal.ratio;
    double sum_of_all = ratio * normal.scale;
    for (std::int64_t v = 0; v < vocab_; ++v) q_[v] *= normal.scale;
    for (std::int64_t s = 0; s < size; ++s) {
        q_[words[s]] = support_.q[s] * normal.residual_weight * normal.scale;
        residual[s] = (normal.residual_weight * residual[s] - support_.probs[s] * ratio) * normal.scale;
        sum_of_all += residual[s];
    }
    for (std::int64_t s = 0; s < size; ++s) residual[s] -= support_.probs[s] * sum_of_all;
    // A term r = exp(z − a) off the support is right to (|z| + 2|a|) roundings, and Σ r|log r| ≤ R(|log R| +
    // log V) where R = Σ r.
    if (ratio > 0)
        sensitivity +=
            ratio * normal.scale *
            (3 * std::abs(normal.anchor) + std::abs(std::log(ratio)) + std::log(static_cast<double>(vocab_)));
    excess_ = normal.excess;
    constexpr double unit_roundoff = 0x1p-53;
    rounding_ = 8 * unit_roundoff * (absolute + std::abs(normal.excess) + sensitivity);
}

}  // namespace ntpgeo
