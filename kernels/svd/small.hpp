// Small dense decompositions of host matrices: they are small next to what they come from, and the engine
// looks at the numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Eigenvalues, descending, and orthonormal eigenvectors of a symmetric matrix. Their signs are arbitrary.
struct SymmetricEigen {
    std::vector<double> values;   ///< [n]
    std::vector<double> vectors;  ///< [n, n] row-major, column k belongs to values[k]

    /// From what LAPACK and cuSOLVER give: eigenvalues, ascending, and the eigenvectors one a row in the same
    /// order, [n, n].
    template <class T>
    static SymmetricEigen from_ascending(const std::vector<T>& values, const std::vector<T>& rows) {
        const auto n = static_cast<std::int64_t>(values.size());
        SymmetricEigen result{{values.rbegin(), values.rend()}, std::vector<double>(rows.size())};
        constexpr std::int64_t block = 16;  // of the result's rows, so that both sides stay in the cache
        for (std::int64_t begin = 0; begin < n; begin += block)
            for (std::int64_t k = 0; k < n; ++k)
                for (std::int64_t i = begin; i < std::min(n, begin + block); ++i)
                    result.vectors[i * n + k] = rows[(n - 1 - k) * n + i];
        return result;
    }
};

/// Thin SVD A = U diag(σ) Vᵀ of a row-major [rows, columns] matrix, k = min(rows, columns), σ descending. The
/// signs of the pairs of vectors are arbitrary.
struct SmallSvd {
    std::vector<double> left;    ///< [rows, k]
    std::vector<double> values;  ///< [k]
    std::vector<double> right;   ///< [k, columns], that is Vᵀ
};

/// The largest n of a symmetric eigenvalue decomposition, and the routine whose limit it is.
struct EigenLimit {
    std::int64_t largest = 0;
    std::string routine;

    /// Throws Failure with the numbers where n is above it.
    void require(std::int64_t n) const {
        if (n > largest)
            throw Failure(routine + " takes no matrix of more than " + std::to_string(largest) +
                          " rows, this is of " + std::to_string(n));
    }
};

/// Both decompositions throw Failure where the library that does it does not converge.
class SmallDecompositions {
  public:
    virtual ~SmallDecompositions() = default;

    [[nodiscard]] virtual EigenLimit eigen_limit() const = 0;
    /// `matrix` [n, n], only its upper triangle is read; solved in the arithmetic of `real`. Throws Failure,
    /// before anything else, where n is above the limit.
    virtual SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n,
                                           Real real = Real::fp64) = 0;
    virtual SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) = 0;
};

/// LAPACK on one thread.
class CpuSmallDecompositions : public virtual SmallDecompositions {
  public:
    [[nodiscard]] EigenLimit eigen_limit() const override;
    SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n, Real real) override;
    SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) override;
};

/// cuSOLVER on the GPU.
class CudaSmallDecompositions : public virtual SmallDecompositions {
  public:
    explicit CudaSmallDecompositions(device::Device& device) : device_(device) {}
    [[nodiscard]] EigenLimit eigen_limit() const override;
    SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n, Real real) override;
    SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
