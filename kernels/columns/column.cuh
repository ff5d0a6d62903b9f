// What the kernels of columns/ share: the labels of the column that a block works on, how many threads it
// has, and the column's softmax minus label in the anchored form (design 1.2), the device twin of
// column_cpu.hpp. Nothing is stored: a block finds the few numbers that normalise a column, and from
// them any entry is made anew where it is wanted.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <port.cuh>

#include "kernels/base/views.hpp"
#include "kernels/softmax/softmax_cuda.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::columns_cuda {

inline constexpr int most_column_threads = 256;

/// A thread a word as far as that goes, in whole warps: a small vocabulary's column is one warp's.
inline unsigned column_threads(std::int64_t vocab) {
    constexpr std::int64_t warp = device::warp_threads;
    return static_cast<unsigned>(
        std::min<std::int64_t>((vocab + warp - 1) / warp * warp, most_column_threads));
}

/// The labels of one column. Only the support's words are listed, so whether a word is one of them takes a
/// bisection; it needs no memory, however large the vocabulary.
struct ColumnLabels {
    const std::int32_t* words;  // [size], ascending
    const double* probs;        // [size]
    const double* log_probs;    // [size]
    std::int64_t size;          // of the support
    double weight;              // π

    __device__ ColumnLabels(const LabelsView& labels, std::int64_t c) {
        const std::int64_t begin = labels.indptr[c];
        words = labels.indices + begin;
        probs = labels.probs + begin;
        log_probs = labels.log_probs + begin;
        size = labels.indptr[c + 1] - begin;
        weight = labels.context_probs[c];
    }
    /// v's place in the support, or −1.
    [[nodiscard]] __device__ std::int64_t position(std::int64_t v) const {
        return device::position(words, size, v);
    }
};

/// One entry of the softmax q, and q − p to a relative error of a few ulp. All q − p sum to 0 as closely as
/// numbers of their size can.
struct SoftmaxEntry {
    double q, residual;
};

struct ColumnSoftmax {
    softmax::SupportSums support;
    double anchor;  ///< of the entries off the support
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
        const double p = labels.probs[place];
        const softmax::LabelTerm term = support.term(z, p, labels.log_probs[place]);
        const double residual = (residual_weight * term.residual - p * ratio) * scale;
        return {support.q(z) * residual_weight * scale, residual - sum_of_residuals * p};
    }
    /// Of word v's logit z.
    [[nodiscard]] __device__ SoftmaxEntry entry(const ColumnLabels& labels, std::int64_t v, double z) const {
        const std::int64_t place = labels.position(v);
        return place < 0 ? off_support(z) : on_support(labels, place, z);
    }
};

/// The softmax of the column whose logits are logit(v), in every thread; the whole block calls this.
/// `scratch` as in block_sum.
template <class Logit>
__device__ ColumnSoftmax column_softmax(const ColumnLabels& labels, std::int64_t vocab, const Logit& logit,
                                        double* scratch) {
    const auto support_logit = [&](std::int64_t s) { return logit(labels.words[s]); };
    ColumnSoftmax column{};
    column.support = softmax::support_sums(labels.size, support_logit, scratch);
    // An error ε of δ_s moves the excess by (q̄_s − p_s)ε.
    double sensitivity = 0;
    const softmax::SupportTerms terms = softmax::support_terms(
        labels.size, labels.probs, labels.log_probs, column.support, support_logit,
        [&](std::int64_t s, double z, const softmax::LabelTerm& term) {
            sensitivity += std::abs(term.residual) * (std::abs(z) + std::abs(column.support.maximum) +
                                                      column.support.log_sum - labels.log_probs[s]);
        },
        scratch);
    sensitivity = device::block_sum(sensitivity, scratch);

    const auto each_off_support = [&](const auto& visit) {
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x)
            if (labels.position(v) < 0) visit(v, logit(v));
    };
    const auto exponentiate = [&](double anchor) -> softmax::OffSupport {
        double ratio = 0;
        each_off_support([&](std::int64_t, double z) { ratio += exp(z - anchor); });
        return {anchor, device::block_sum(ratio, scratch)};
    };
    const softmax::Normalisation normal =
        softmax::normalise_row(1, terms, exponentiate(terms.anchor), each_off_support, exponentiate, scratch);
    column.anchor = normal.anchor;
    column.scale = normal.scale;
    column.residual_weight = normal.residual_weight;
    column.ratio = normal.ratio;
    column.excess = normal.excess;
    // A term r = exp(z − a) off the support is right to (|z| + 2|a|) roundings, and Σ r|log r| ≤ R(|log R| +
    // log V) where R = Σ r.
    if (normal.ratio > 0)
        sensitivity +=
            normal.ratio * normal.scale *
            (3 * std::abs(normal.anchor) + std::abs(log(normal.ratio)) + log(static_cast<double>(vocab)));
    // The terms that the excess adds up are none of them negative.
    column.rounding = 8 * 0x1p-53 * (terms.excess + normal.excess + sensitivity);
    double residuals = 0;
    for (std::int64_t s = threadIdx.x; s < labels.size; s += blockDim.x)
        residuals += column.on_support(labels, s, support_logit(s)).residual;
    column.sum_of_residuals = device::block_sum(residuals, scratch) + normal.ratio * normal.scale;
    return column;
}

}  // namespace ntpgeo::columns_cuda
