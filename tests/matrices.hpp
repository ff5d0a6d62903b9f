// Row-major matrices in plain loops, sums in long double: what dense operations are held against. Shares no
// code with the kernels or the engine.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.hpp"

namespace ntpgeo::matrices {

using Values = std::vector<double>;

/// alpha·op(A)·op(B) + beta·C [m, n] over k terms, which counts where beta is not 0.
inline Values product(const Product& how, double alpha, const Values& a, const Values& b, double beta,
                      const Values& c, std::int64_t m, std::int64_t n, std::int64_t k) {
    Values result(static_cast<std::size_t>(m * n));
    for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
            long double sum = 0;
            for (std::int64_t l = 0; l < k; ++l)
                sum += static_cast<long double>(how.transpose_a ? a[l * m + i] : a[i * k + l]) *
                       (how.transpose_b ? b[j * k + l] : b[l * n + j]);
            result[i * n + j] = static_cast<double>(
                alpha * sum + (beta == 0 ? 0 : static_cast<long double>(beta) * c[i * n + j]));
        }
    return result;
}

/// op(A)·op(B) [m, n] over k terms.
inline Values product(const Product& how, const Values& a, const Values& b, std::int64_t m, std::int64_t n,
                      std::int64_t k) {
    return product(how, 1, a, b, 0, {}, m, n, k);
}

inline Values transposed(const Values& a, std::int64_t rows, std::int64_t columns) {
    Values result(a.size());
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t k = 0; k < columns; ++k) result[k * rows + i] = a[i * columns + k];
    return result;
}

inline Values diagonal(const Values& values) {
    const std::size_t n = values.size();
    Values result(n * n, 0.0);
    for (std::size_t k = 0; k < n; ++k) result[k * n + k] = values[k];
    return result;
}

inline Values identity(std::int64_t n) {
    return diagonal(Values(static_cast<std::size_t>(n), 1.0));
}

inline Values absolute(Values values) {
    for (double& value : values) value = std::abs(value);
    return values;
}

/// "3 x 5", "3 x 5 x 7"
inline std::string shape_words(std::int64_t a, std::int64_t b, std::int64_t c = -1) {
    return std::to_string(a) + " x " + std::to_string(b) + (c < 0 ? "" : " x " + std::to_string(c));
}

}  // namespace ntpgeo::matrices
