// What a metrics record reads off the CPU's pass over the logits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace ntpgeo::anchored_xent {

/// mean [dim] of the words [vocab, dim].
template <class T>
void find_mean_word(const T* words, std::int64_t vocab, std::int64_t dim, double* mean) {
    std::fill_n(mean, dim, 0.0);
    for (std::int64_t v = 0; v < vocab; ++v)
        for (std::int64_t k = 0; k < dim; ++k) mean[k] += words[v * dim + k];
    for (std::int64_t k = 0; k < dim; ++k) mean[k] /= static_cast<double>(vocab);
}

/// Maximum and Σ (z − mean)² over logits above −infinity, in their units.
struct RowSpread {
    double maximum = -std::numeric_limits<double>::infinity();
    double square = 0;

    void add(const RowSpread& other) {
        maximum = std::max(maximum, other.maximum);
        square += other.square;
    }
};

/// The spreads of a chunk's contexts, to which softmax::add_spreads adds.
struct Spreads {
    double *maximum, *square;  // [contexts]

    void begin(std::int64_t contexts) const {
        for (std::int64_t b = 0; b < contexts; ++b) {
            const RowSpread none;
            maximum[b] = none.maximum;
            square[b] = none.square;
        }
    }
    [[nodiscard]] RowSpread of(std::int64_t b) const { return {maximum[b], square[b]}; }
};

}  // namespace ntpgeo::anchored_xent
