// Small dense decompositions on the host by LAPACK, fp64, on one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace ntpgeo {

/// Eigenvalues, descending, and orthonormal eigenvectors of a symmetric matrix.
struct SymmetricEigen {
    std::vector<double> values;   ///< [n]
    std::vector<double> vectors;  ///< [n, n] row-major, column k belongs to values[k]
};
/// `matrix` [n, n], only its lower triangle is read. Throws Failure where LAPACK does not converge.
SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n);

/// Thin SVD A = U diag(σ) Vᵀ of a row-major [rows, columns] matrix, k = min(rows, columns), σ descending.
struct SmallSvd {
    std::vector<double> left;    ///< [rows, k]
    std::vector<double> values;  ///< [k]
    std::vector<double> right;   ///< [k, columns], that is Vᵀ
};
/// Throws Failure where LAPACK does not converge.
SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns);

}  // namespace ntpgeo
