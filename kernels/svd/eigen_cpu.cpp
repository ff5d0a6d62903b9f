#include <lapacke.h>

#include <cmath>
#include <string>
#include <utility>

#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/team.hpp"
#include "kernels/svd/eigen.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t rows_at_once = 16;  // of a transposed copy, so that both sides stay in the cache

lapack_int syevd(lapack_int n, double* matrix, double* values) {
    return LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, matrix, n, values);
}
lapack_int syevd(lapack_int n, float* matrix, float* values) {
    return LAPACKE_ssyevd(LAPACK_COL_MAJOR, 'V', 'L', n, matrix, n, values);
}

// The row-major upper triangle is LAPACK's column-major lower one, with which OpenBLAS takes two thirds of
// the other one's time; its eigenvectors come out one a row, ascending.
template <class T>
std::vector<double> decompose(T* matrix, T* values, std::int64_t n) {
    const OneBlasThread guard;
    const lapack_int info = syevd(static_cast<lapack_int>(n), matrix, values);
    if (info != 0) throw Failure("LAPACK syevd failed with info " + std::to_string(info));
    std::vector<double> descending(values, values + n);
    std::reverse(descending.begin(), descending.end());
    return descending;
}

}  // namespace

// The work space of 2n² and more is counted in 32 bits.
EigenLimit CpuEigenOperations::eigen_limit() const {
    return {32766, "LAPACK's syevd"};
}

SymmetricEigen CpuEigenOperations::symmetric_eigen(std::vector<double> matrix, std::int64_t n) {
    eigen_limit().require(n);
    if (n == 0) return {};
    std::vector<double> values(static_cast<std::size_t>(n));
    return SymmetricEigen::from_rows(decompose(matrix.data(), values.data(), n), matrix);
}

std::vector<double> CpuEigenOperations::decompose_symmetric(Matrix matrix, Vector values) {
    eigen_limit().require(matrix.rows);
    if (matrix.rows == 0) return {};
    return with_real(matrix.real,
                     [&]<class T>(T) { return decompose(matrix.as<T>(), values.as<T>(), matrix.rows); });
}

void CpuEigenOperations::take_eigenvectors(Matrix rows, Vector values, const SpectralMap& map, Matrix out) {
    const std::int64_t n = rows.rows, count = out.columns;
    with_real(rows.real, [&]<class From>(From) {
        with_real(out.real, [&]<class To>(To) {
            std::vector<double> factors;
            for (std::int64_t k = 0; k < count; ++k)
                factors.push_back(
                    std::sqrt(spectral::factor(map, static_cast<double>(values.as<From>()[n - 1 - k]))));
            const std::int64_t blocks = (n + rows_at_once - 1) / rows_at_once;
            for_each(blocks, 1, team_for(n * count), [&](std::int64_t block) {
                const std::int64_t begin = block * rows_at_once, end = std::min(n, begin + rows_at_once);
                for (std::int64_t k = 0; k < count; ++k)
                    for (std::int64_t i = begin; i < end; ++i)
                        out.as<To>()[i * count + k] =
                            static_cast<To>(factors[k] * rows.as<From>()[(n - 1 - k) * n + i]);
            });
        });
    });
}

void CpuEigenOperations::spectral_slopes(Vector values, const SpectralMap& map, Vector factors,
                                         Matrix slopes) {
    const std::int64_t n = values.size;
    if (n == 0) return;
    const auto square = [&](std::int64_t i) { return values.as<double>()[n - 1 - i]; };
    const double largest = spectral::sigma(square(0));
    with_real(slopes.real, [&]<class T>(T) {
        for_each(n, rows_at_once, team_for(n * n), [&](std::int64_t i) {
            factors.as<T>()[i] = static_cast<T>(spectral::factor(map, square(i)));
            for (std::int64_t k = 0; k < n; ++k)
                slopes.as<T>()[i * n + k] =
                    static_cast<T>(spectral::divided_difference(map, square(i), square(k), largest));
        });
    });
}

}  // namespace ntpgeo
