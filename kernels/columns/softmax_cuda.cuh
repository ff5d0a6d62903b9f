// Softmax minus label of one dense column in the anchored form (design 1.2): the device twin of
// softmax_cpu.hpp. Nothing is stored: a block finds the few numbers that normalise a column, and from them
// any entry is made anew where it is wanted.
#pragma once

#include <limits>
#include <port.cuh>

#include "kernels/columns/column_cuda.cuh"
#include "kernels/softmax/label_terms.cuh"

namespace ntpgeo::columns_cuda {
using namespace ntpgeo::softmax;

/// One entry of the softmax q, and q − p to a relative error of a few ulp. All q − p sum to 0 as closely as
/// numbers of their size can.
struct SoftmaxEntry {
    double q, residual;
};

struct ColumnSoftmax {
    double maximum, inverse_sum, log_sum;  ///< over the support: the largest logit, and Σ e^{z − maximum}
    double anchor;                         ///< of the entries off the support
    double scale, residual_weight, ratio;
    double sum_of_residuals;  ///< what rounding makes of Σ (q − p)
    double excess;            ///< Σ p log(p/q)
    double rounding;          ///< bounds the error of `excess` to first order

    /// Of a logit z off the support.
    [[nodiscard]] __device__ SoftmaxEntry off_support(double z) const {
        const double q = exp(z - anchor) * scale;
        return {q, q};
    }
    /// Of the support's logit z at `place`. q and p sum to 1. That their doubles do so to rounding only would
    /// push a column along 1, where nothing but the prox's ρ holds it, and would leave a dual point that is
    /// none.
    [[nodiscard]] __device__ SoftmaxEntry on_support(const ColumnLabels& labels, std::int64_t place,
                                                     double z) const {
        const double p = labels.probs[place], q = exp(z - maximum) * inverse_sum;
        const double residual = (residual_weight * term(labels, place, z).residual - p * ratio) * scale;
        return {q * residual_weight * scale, residual - sum_of_residuals * p};
    }
    /// Of word v's logit z.
    [[nodiscard]] __device__ SoftmaxEntry entry(const ColumnLabels& labels, std::int64_t v, double z) const {
        const std::int64_t place = labels.position(v);
        return place < 0 ? off_support(z) : on_support(labels, place, z);
    }
    /// The label's part, as if there were nothing off the support.
    [[nodiscard]] __device__ LabelTerm term(const ColumnLabels& labels, std::int64_t place, double z) const {
        const double above = z - maximum;
        return label_term(exp(above) * inverse_sum, labels.probs[place],
                          above - (log_sum + labels.log_probs[place]));
    }
};

/// Σ e^{logit(v) − anchor} off the support, in every thread.
template <class Logit>
__device__ double off_support_ratio(const ColumnLabels& labels, std::int64_t vocab, const Logit& logit,
                                    double anchor, double* scratch) {
    double ratio = 0;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x)
        if (labels.position(v) < 0) ratio += exp(logit(v) - anchor);
    return device::block_sum(ratio, scratch);
}

/// The softmax of the column whose logits are logit(v), in every thread; the whole block calls this.
/// `scratch` as in block_sum.
template <class Logit>
__device__ ColumnSoftmax column_softmax(const ColumnLabels& labels, std::int64_t vocab, const Logit& logit,
                                        double* scratch) {
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    ColumnSoftmax softmax{};
    double maximum = nothing;
    for (std::int64_t s = threadIdx.x; s < labels.size; s += blockDim.x)
        maximum = device::larger(maximum, logit(labels.words[s]));
    softmax.maximum = device::block_max(maximum, scratch);
    double sum = 0;
    for (std::int64_t s = threadIdx.x; s < labels.size; s += blockDim.x)
        sum += exp(logit(labels.words[s]) - softmax.maximum);
    // The largest term is exactly 1: a support of one token has δ = 0 to the last bit.
    sum = device::block_sum(sum, scratch);
    softmax.inverse_sum = 1 / sum;
    softmax.log_sum = log(sum);
    // An error ε of δ_s moves the excess by (q̄_s − p_s)ε.
    double excess = 0, sensitivity = 0;
    for (std::int64_t s = threadIdx.x; s < labels.size; s += blockDim.x) {
        const double z = logit(labels.words[s]);
        const LabelTerm term = softmax.term(labels, s, z);
        excess += term.excess;
        sensitivity += std::abs(term.residual) *
                       (std::abs(z) + std::abs(softmax.maximum) + softmax.log_sum - labels.log_probs[s]);
    }
    const SupportTerms terms{softmax.maximum + softmax.log_sum, device::block_sum(excess, scratch)};
    sensitivity = device::block_sum(sensitivity, scratch);

    softmax.anchor = terms.anchor;
    double ratio = off_support_ratio(labels, vocab, logit, softmax.anchor, scratch);
    Normalisation normal;
    if (ratio > largest_off_support_ratio) {
        double larger = nothing;
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x)
            if (labels.position(v) < 0) larger = device::larger(larger, logit(v));
        softmax.anchor = device::block_max(larger, scratch);
        ratio = off_support_ratio(labels, vocab, logit, softmax.anchor, scratch);
        normal = normalise_redone_context(1, terms, softmax.anchor, ratio);
    } else {
        normal = normalise_context(1, terms, softmax.anchor, ratio);
    }
    softmax.scale = normal.scale;
    softmax.residual_weight = normal.residual_weight;
    softmax.ratio = normal.ratio;
    softmax.excess = normal.excess;
    // A term r = exp(z − a) off the support is right to (|z| + 2|a|) roundings, and Σ r|log r| ≤ R(|log R| +
    // log V) where R = Σ r.
    if (ratio > 0)
        sensitivity +=
            ratio * normal.scale *
            (3 * std::abs(softmax.anchor) + std::abs(log(ratio)) + log(static_cast<double>(vocab)));
    // The terms that the excess adds up are none of them negative.
    softmax.rounding = 8 * 0x1p-53 * (terms.excess + normal.excess + sensitivity);
    double residuals = 0;
    for (std::int64_t s = threadIdx.x; s < labels.size; s += blockDim.x)
        residuals += softmax.on_support(labels, s, logit(labels.words[s])).residual;
    softmax.sum_of_residuals = device::block_sum(residuals, scratch) + ratio * normal.scale;
    return softmax;
}

}  // namespace ntpgeo::columns_cuda
