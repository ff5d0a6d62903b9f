// Dense products of tall factors, for the figures (design 4.4) and the exact solvers (4.2).
#pragma once

#include "kernels/base/views.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {

/// Which of the two operands enters transposed.
struct Product {
    bool transpose_a = false;
    bool transpose_b = false;
};
inline constexpr Product plain{};
inline constexpr Product a_transposed{true, false};
inline constexpr Product b_transposed{false, true};

/// Sums are made in a fixed order that follows from the shapes alone.
class DenseOperations {
  public:
    virtual ~DenseOperations() = default;

    /// C = alpha·op(A)·op(B) + beta·C, all fp64 or all fp32.
    virtual void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta,
                          Matrix c) = 0;
    /// C = AᵀA [columns, columns] where `of_columns`, else C = AAᵀ [rows, rows], both fp64 or both fp32, both
    /// triangles, symmetric to the last bit. The error of an entry is below (n + 2)u times the sum of the
    /// absolute products, n being the summed dimension and u = 2^-53 or 2^-24.
    virtual void gram(Matrix a, bool of_columns, Matrix c) = 0;
    /// means[k] = (1/rows) Σ_i a[i,k], fp64.
    virtual void column_means(Matrix a, Vector means) = 0;
    /// squares[k] = Σ_i a[i,k]², fp64.
    virtual void column_squares(Matrix a, Vector squares) = 0;
    /// a[i,k] = 1 where i = k, else 0.
    virtual void fill_identity(Matrix a) = 0;
    /// a[i,:] −= row, fp64.
    virtual void subtract_row(Vector row, Matrix a) = 0;
    /// Replaces the columns of A (rows ≥ columns) by an orthonormal basis that holds their span: the Q of a
    /// Householder QR. Throws Failure where the library that makes it does.
    virtual void orthonormalise(Matrix a) = 0;
};

/// OpenBLAS and LAPACK. The long dimension of a product (rows of C, or the summed one for AᵀB) is cut into
/// fixed blocks that threads share and that are added in order.
class CpuDenseOperations : public virtual DenseOperations {
  public:
    void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta, Matrix c) override;
    void gram(Matrix a, bool of_columns, Matrix c) override;
    void column_means(Matrix a, Vector means) override;
    void column_squares(Matrix a, Vector squares) override;
    void fill_identity(Matrix a) override;
    void subtract_row(Vector row, Matrix a) override;
    void orthonormalise(Matrix a) override;
};

/// cuBLAS and cuSOLVER where they fit: what is queued on one stream has the same bits every time, and the
/// signs of the basis vectors are cuSOLVER's. Everything is queued on the device's stream; only
/// `orthonormalise` waits. An empty gram is the vectors' zeros.
class CudaDenseOperations : public virtual DenseOperations, public virtual VectorOperations {
  public:
    explicit CudaDenseOperations(device::Device& device) : device_(device) {}
    void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta, Matrix c) override;
    void gram(Matrix a, bool of_columns, Matrix c) override;
    void column_means(Matrix a, Vector means) override;
    void column_squares(Matrix a, Vector squares) override;
    void fill_identity(Matrix a) override;
    void subtract_row(Vector row, Matrix a) override;
    void orthonormalise(Matrix a) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
