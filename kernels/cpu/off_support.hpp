// A column's entries off its support, for the projections onto margins, smoothed or not.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {

/// What gather_off_support found.
struct GatheredColumn {
    double support_sum;  ///< of the entries at the support
    std::int64_t size;   ///< entries off it
};

/// Copies the entries of `column` [V] that are off the support of context c to `off` [V], in their order.
inline GatheredColumn gather_off_support(const LabelsView& labels, std::int64_t c, const double* column,
                                         double* off) {
    double support_sum = 0;
    std::int64_t size = 0, word = 0;
    for (std::int64_t s = labels.indptr[c]; s < labels.indptr[c + 1]; ++s) {
        const std::int64_t next = labels.indices[s];
        support_sum += column[next];
        std::copy(column + word, column + next, off + size);
        size += next - word;
        word = next + 1;
    }
    std::copy(column + word, column + labels.vocab_size, off + size);
    return {support_sum, size + labels.vocab_size - word};
}

}  // namespace ntpgeo
