// Dense products of tall factors, for the figures (design 4.4) and the exact solvers (4.2). Contract with
// backend.hpp; the CPU twins are declared here.
#pragma once

#include "kernels/base/views.hpp"

namespace ntpgeo {

/// Which of the two operands enters transposed.
struct Product {
    bool transpose_a = false;
    bool transpose_b = false;
};
inline constexpr Product plain{};
inline constexpr Product a_transposed{true, false};
inline constexpr Product b_transposed{false, true};

namespace dense_cpu {

/// C = alpha·op(A)·op(B) + beta·C, all fp64 or all fp32. The long dimension (rows of C, or the summed one for
/// AᵀB) is cut into fixed blocks that threads share and that are added in order.
void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta, Matrix c);

/// C = AᵀA [columns, columns] where `of_columns`, else C = AAᵀ [rows, rows], both fp64 or both fp32, both
/// triangles. Sums in a fixed order; the error of an entry is below (n + 2)u times the sum of the absolute
/// products, n being the summed dimension and u = 2^-53 or 2^-24.
void gram(Matrix a, bool of_columns, Matrix c);

/// means[k] = (1/rows) Σ_i a[i,k], fp64.
void column_means(Matrix a, Vector means);

/// squares[k] = Σ_i a[i,k]², fp64, over fixed blocks of rows.
void column_squares(Matrix a, Vector squares);

/// a[i,:] −= row, fp64.
void subtract_row(Vector row, Matrix a);

/// Replaces the columns of A (rows ≥ columns) by an orthonormal basis that holds their span: the Q of a
/// Householder QR. Throws Failure where LAPACK does.
void orthonormalise(Matrix a);

}  // namespace dense_cpu
}  // namespace ntpgeo
