// What LAPACK and cuSOLVER give of a symmetric matrix, put in our order. For the sources of svd/ only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/svd/small.hpp"

namespace ntpgeo {

/// From eigenvalues, ascending, and the eigenvectors one a row in the same order, [n, n].
template <class T>
SymmetricEigen descending(const std::vector<T>& values, const std::vector<T>& rows) {
    const auto n = static_cast<std::int64_t>(values.size());
    SymmetricEigen result{{values.rbegin(), values.rend()}, std::vector<double>(rows.size())};
    constexpr std::int64_t block = 16;  // of the result's rows, so that both sides stay in the cache
    for (std::int64_t begin = 0; begin < n; begin += block)
        for (std::int64_t k = 0; k < n; ++k)
            for (std::int64_t i = begin; i < std::min(n, begin + block); ++i)
                result.vectors[i * n + k] = rows[(n - 1 - k) * n + i];
    return result;
}

}  // namespace ntpgeo
