// Small dense decompositions of host matrices. Contract with backend.hpp; the CPU twins (LAPACK on one
// thread) are declared here.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo {

/// Eigenvalues, descending, and orthonormal eigenvectors of a symmetric matrix. Their signs are arbitrary.
struct SymmetricEigen {
    std::vector<double> values;   ///< [n]
    std::vector<double> vectors;  ///< [n, n] row-major, column k belongs to values[k]
};

/// Thin SVD A = U diag(σ) Vᵀ of a row-major [rows, columns] matrix, k = min(rows, columns), σ descending. The
/// signs of the pairs of vectors are arbitrary.
struct SmallSvd {
    std::vector<double> left;    ///< [rows, k]
    std::vector<double> values;  ///< [k]
    std::vector<double> right;   ///< [k, columns], that is Vᵀ
};

namespace svd_cpu {

/// `matrix` [n, n], only its upper triangle is read; solved in the arithmetic of `real`. Throws Failure where
/// LAPACK does not converge.
SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n, Real real);

/// Throws Failure where LAPACK does not converge.
SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns);

}  // namespace svd_cpu
}  // namespace ntpgeo
