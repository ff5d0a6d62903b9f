#include "kernels/columns/softmax_cpu.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/softmax/label_terms.hpp"
#include "kernels/softmax/rows_cpu.hpp"

namespace ntpgeo {
using namespace softmax;

std::int64_t longest_support(const LabelsView& labels) {
    std::int64_t longest = 0;
    for (std::int64_t c = 0; c < labels.contexts; ++c)
        longest = std::max(longest, labels.indptr[c + 1] - labels.indptr[c]);
    return longest;
}

ColumnSoftmax::ColumnSoftmax(std::int64_t vocab, std::int64_t longest)
    : vocab_(vocab),
      q_(static_cast<std::size_t>(padded(vocab))),
      support_q_(static_cast<std::size_t>(padded(longest))),
      probs_(static_cast<std::size_t>(padded(longest)), 1.0),
      delta_(static_cast<std::size_t>(padded(longest))),
      residual_(static_cast<std::size_t>(padded(longest))) {}

void ColumnSoftmax::evaluate(const LabelsView& labels, std::int64_t c, const double* row, double scale) {
    const std::int64_t begin = labels.indptr[c], size = labels.indptr[c + 1] - begin;
    const std::int32_t* const words = labels.indices + begin;
    const double inverse = 1 / scale;
    for (std::int64_t v = 0; v < vocab_; ++v) q_[v] = row[v] * inverse;
    double maximum = q_[words[0]];
    for (std::int64_t s = 1; s < size; ++s) maximum = std::max(maximum, q_[words[s]]);
    for (std::int64_t s = 0; s < size; ++s) support_q_[s] = q_[words[s]] - maximum;

    std::copy_n(support_q_.begin(), size, delta_.begin());
    std::fill(support_q_.begin() + size, support_q_.end(), 0.0);
    anchored_exp_row(support_q_.data(), padded(size), 0);
    double sum = 0;
    for (std::int64_t s = 0; s < size; ++s) sum += support_q_[s];
    // The largest term is exactly 1: a support of one token has δ = 0 to the last bit.
    const double log_sum = std::log(sum);
    for (std::int64_t s = 0; s < size; ++s) {
        support_q_[s] /= sum;
        delta_[s] -= log_sum + labels.log_probs[begin + s];
        probs_[s] = labels.probs[begin + s];
    }
    label_row(support_q_.data(), probs_.data(), delta_.data(), residual_.data(), size);
    SupportTerms terms{maximum + log_sum, 0};
    // An error ε of δ_s moves the excess by (q̄_s − p_s)ε.
    double absolute = 0, sensitivity = 0;
    for (std::int64_t s = 0; s < size; ++s) {
        terms.excess += delta_[s];
        absolute += std::abs(delta_[s]);
        sensitivity += std::abs(residual_[s]) *
                       (std::abs(q_[words[s]]) + std::abs(maximum) + log_sum - labels.log_probs[begin + s]);
    }

    // −infinity in the padding and at the support: its exponential is exactly 0.
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    const auto mask = [&] {
        for (std::int64_t s = 0; s < size; ++s) q_[words[s]] = nothing;
        std::fill(q_.begin() + vocab_, q_.end(), nothing);
    };
    mask();
    const auto width = static_cast<std::int64_t>(q_.size());
    double anchor = terms.anchor, ratio = anchored_exp_row(q_.data(), width, anchor);
    Normalisation normal = normalise(1, terms, ratio, std::log1p(ratio));
    if (ratio > largest_off_support_ratio) {
        double larger = nothing;
        for (std::int64_t v = 0; v < vocab_; ++v) q_[v] = row[v] * inverse;
        mask();
        for (std::int64_t v = 0; v < vocab_; ++v) larger = std::max(larger, q_[v]);
        anchor = larger;
        ratio = anchored_exp_row(q_.data(), width, anchor);
        normal = normalise_redone(1, terms, anchor, ratio);
    }
    // q and p sum to 1. That their doubles do so to rounding only would push a column along 1, where nothing
    // but the prox's ρ holds it, and would leave a dual point that is none.
    double sum_of_all = ratio * normal.scale;
    for (std::int64_t v = 0; v < vocab_; ++v) q_[v] *= normal.scale;
    for (std::int64_t s = 0; s < size; ++s) {
        q_[words[s]] = support_q_[s] * normal.residual_weight * normal.scale;
        residual_[s] = (normal.residual_weight * residual_[s] - probs_[s] * normal.ratio) * normal.scale;
        sum_of_all += residual_[s];
    }
    for (std::int64_t s = 0; s < size; ++s) residual_[s] -= probs_[s] * sum_of_all;
    // A term r = exp(z − a) off the support is right to (|z| + 2|a|) roundings, and Σ r|log r| ≤ R(|log R| +
    // log V) where R = Σ r.
    if (ratio > 0)
        sensitivity +=
            ratio * normal.scale *
            (3 * std::abs(anchor) + std::abs(std::log(ratio)) + std::log(static_cast<double>(vocab_)));
    excess_ = normal.excess;
    constexpr double unit_roundoff = 0x1p-53;
    rounding_ = 8 * unit_roundoff * (absolute + std::abs(normal.excess) + sensitivity);
}

}  // namespace ntpgeo
