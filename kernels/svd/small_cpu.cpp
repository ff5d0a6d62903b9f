#include <lapacke.h>

#include <algorithm>
#include <string>
#include <utility>

#include "kernels/base/status.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/svd/small.hpp"

namespace ntpgeo {
namespace {

lapack_int syevd(lapack_int n, double* matrix, double* values) {
    return LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, matrix, n, values);
}
lapack_int syevd(lapack_int n, float* matrix, float* values) {
    return LAPACKE_ssyevd(LAPACK_COL_MAJOR, 'V', 'L', n, matrix, n, values);
}

// The row-major upper triangle is LAPACK's column-major lower one, with which OpenBLAS takes two thirds of
// the other one's time; its eigenvectors come out one a row, ascending.
template <class T>
SymmetricEigen eigen_of(std::vector<T> matrix, std::int64_t n) {
    std::vector<T> values(static_cast<std::size_t>(n));
    const lapack_int info = syevd(static_cast<lapack_int>(n), matrix.data(), values.data());
    if (info != 0) throw Failure("LAPACK syevd failed with info " + std::to_string(info));
    return SymmetricEigen::from_ascending(values, matrix);
}

}  // namespace

// The work space of 2n² and more is counted in 32 bits.
EigenLimit CpuSmallDecompositions::eigen_limit() const {
    return {32766, "LAPACK's syevd"};
}

SymmetricEigen CpuSmallDecompositions::symmetric_eigen(std::vector<double> matrix, std::int64_t n,
                                                       Real real) {
    eigen_limit().require(n);
    const OneBlasThread guard;
    if (n == 0) return {};
    if (real == Real::fp64) return eigen_of(std::move(matrix), n);
    return eigen_of(std::vector<float>(matrix.begin(), matrix.end()), n);
}

SmallSvd CpuSmallDecompositions::small_svd(std::vector<double> matrix, std::int64_t rows,
                                           std::int64_t columns) {
    const OneBlasThread guard;
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

}  // namespace ntpgeo
