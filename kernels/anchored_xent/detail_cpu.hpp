// What a metrics record reads off the CPU's pass over the logits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/anchored_xent/loss_call.hpp"

namespace ntpgeo::anchored_xent {

/// mean [dim] of the words [vocab, dim].
template <class T>
void find_mean_word(const T* words, std::int64_t vocab, std::int64_t dim, double* mean) {
    std::fill_n(mean, dim, 0.0);
    for (std::int64_t v = 0; v < vocab; ++v)
        for (std::int64_t k = 0; k < dim; ++k) mean[k] += words[v * dim + k];
    for (std::int64_t k = 0; k < dim; ++k) mean[k] /= static_cast<double>(vocab);
}

/// Maximum and Σ (z − mean)² over the elements of a row above −infinity, in the row's units.
struct RowSpread {
    double maximum;
    double square;
};
template <class T>
RowSpread spread_row(const T* row, std::int64_t size, double mean) {
    RowSpread result{-std::numeric_limits<double>::infinity(), 0};
    for (std::int64_t i = 0; i < size; ++i) {
        const double value = row[i];
        if (value == -std::numeric_limits<double>::infinity()) continue;
        result.maximum = std::max(result.maximum, value);
        result.square += (value - mean) * (value - mean);
    }
    return result;
}

/// Of a context [dim] whose logits [vocab] are −infinity at its support.
template <class T, class G>
void record_detail(const LossDetail& detail, std::int64_t context, const T* embedding, std::int64_t dim,
                   const double* mean_word, const G* logits, std::int64_t vocab) {
    double mean = 0;
    for (std::int64_t k = 0; k < dim; ++k) mean += mean_word[k] * embedding[k];
    const RowSpread spread = spread_row(logits, vocab, mean);
    detail.mean_logits[context] = mean;
    detail.off_support_max[context] = spread.maximum;
    detail.off_support_square[context] = spread.square;
}

}  // namespace ntpgeo::anchored_xent
