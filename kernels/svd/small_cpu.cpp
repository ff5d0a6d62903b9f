#include <lapacke.h>

#include <algorithm>
#include <string>

#include "kernels/dense/single_thread_cpu.hpp"
#include "kernels/status.hpp"
#include "kernels/svd/small.hpp"

namespace ntpgeo::svd_cpu {

SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n) {
    const SingleThread guard;
    SymmetricEigen result;
    result.values.resize(static_cast<std::size_t>(n));
    result.vectors.resize(static_cast<std::size_t>(n * n));
    if (n == 0) return result;
    const auto size = static_cast<lapack_int>(n);
    // The row-major lower triangle is LAPACK's column-major upper one; its eigenvectors come out one a row,
    // ascending.
    const lapack_int info =
        LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', size, matrix.data(), size, result.values.data());
    if (info != 0) throw Failure("LAPACK dsyevd failed with info " + std::to_string(info));
    std::reverse(result.values.begin(), result.values.end());
    for (std::int64_t k = 0; k < n; ++k)
        for (std::int64_t i = 0; i < n; ++i) result.vectors[i * n + k] = matrix[(n - 1 - k) * n + i];
    return result;
}

SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) {
    const SingleThread guard;
    const std::int64_t k = std::min(rows, columns);
    SmallSvd result{std::vector<double>(static_cast<std::size_t>(rows * k)),
                    std::vector<double>(static_cast<std::size_t>(k)),
                    std::vector<double>(static_cast<std::size_t>(k * columns))};
    if (k == 0) return result;
    const lapack_int info = LAPACKE_dgesdd(
        LAPACK_ROW_MAJOR, 'S', static_cast<lapack_int>(rows), static_cast<lapack_int>(columns), matrix.data(),
        static_cast<lapack_int>(columns), result.values.data(), result.left.data(),
        static_cast<lapack_int>(k), result.right.data(), static_cast<lapack_int>(columns));
    if (info != 0) throw Failure("LAPACK dgesdd failed with info " + std::to_string(info));
    return result;
}

}  // namespace ntpgeo::svd_cpu
