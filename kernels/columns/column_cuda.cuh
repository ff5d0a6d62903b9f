// What the kernels of columns/ share: the labels of the column that a block works on, and how many threads it
// has.
#pragma once

#include <algorithm>
#include <cstdint>
#include <port.cuh>

#include "kernels/base/views.hpp"
#include "kernels/vectors/reduce.cuh"
#include "kernels/vectors/search.cuh"

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

}  // namespace ntpgeo::columns_cuda
