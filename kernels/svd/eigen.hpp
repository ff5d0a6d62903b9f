// Symmetric eigenvalue decompositions: of matrices where they stand on a backend, with what the exact solvers
// make of their spectra there, and of small ones of the host.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "kernels/base/views.hpp"
#include "kernels/svd/spectral_map.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Eigenvalues, descending, and orthonormal eigenvectors of a symmetric matrix. Their signs are arbitrary.
struct SymmetricEigen {
    std::vector<double> values;   ///< [n]
    std::vector<double> vectors;  ///< [n, n] row-major, column k belongs to values[k]

    /// From what LAPACK and cuSOLVER give: eigenvalues, and the eigenvectors one a row with the least value's
    /// first, [n, n].
    static SymmetricEigen from_rows(std::vector<double> descending, const std::vector<double>& rows) {
        const auto n = static_cast<std::int64_t>(descending.size());
        SymmetricEigen result{std::move(descending), std::vector<double>(rows.size())};
        constexpr std::int64_t block = 16;  // of the result's rows, so that both sides stay in the cache
        for (std::int64_t begin = 0; begin < n; begin += block)
            for (std::int64_t k = 0; k < n; ++k)
                for (std::int64_t i = begin; i < std::min(n, begin + block); ++i)
                    result.vectors[i * n + k] = rows[(n - 1 - k) * n + i];
        return result;
    }
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

/// A decomposition throws Failure, before anything else, where n is above the limit, and where the library
/// that makes it does not converge.
class EigenOperations {
  public:
    virtual ~EigenOperations() = default;

    [[nodiscard]] virtual EigenLimit eigen_limit() const = 0;
    /// `matrix` [n, n] on the host, only its upper triangle is read.
    virtual SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n) = 0;

    /// `matrix` [n, n], of which only the upper triangle is read, becomes its eigenvectors, one a row, that
    /// of the least eigenvalue first; `values` [n] the eigenvalues, ascending. Both fp64 or both fp32, which
    /// is what it is solved in. Returns the eigenvalues, descending.
    virtual std::vector<double> decompose_symmetric(Matrix matrix, Vector values) = 0;
    /// out[i, k] = √f(σ_k)·(entry i of vector k) for the `out.columns` largest eigenvalues σ_k², descending.
    /// rows [n, n] and values [n] as decompose_symmetric leaves them; out [n, count], fp64 or fp32.
    virtual void take_eigenvectors(Matrix rows, Vector values, const SpectralMap& map, Matrix out) = 0;
    /// factors[i] = f(σ_i) and slopes[i, k] = (f(σ_i) − f(σ_k))/(σ_i² − σ_k²), in the limit where they agree,
    /// of a smooth_shrink; i and k count from the largest. values [n] as decompose_symmetric leaves them,
    /// fp64; factors [n] and slopes [n, n] of one precision.
    virtual void spectral_slopes(Vector values, const SpectralMap& map, Vector factors, Matrix slopes) = 0;

    /// Whether `products` products of [n, n] matrices are predicted to take less time than
    /// decompose_symmetric: what to compute a matrix function by.
    [[nodiscard]] virtual bool products_are_faster(Real real, std::int64_t n,
                                                   std::int64_t products) const = 0;
};

/// LAPACK on one thread, faster than all but a few products: whoever asks is told so.
class CpuEigenOperations : public virtual EigenOperations {
  public:
    [[nodiscard]] EigenLimit eigen_limit() const override;
    SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n) override;
    std::vector<double> decompose_symmetric(Matrix matrix, Vector values) override;
    void take_eigenvectors(Matrix rows, Vector values, const SpectralMap& map, Matrix out) override;
    void spectral_slopes(Vector values, const SpectralMap& map, Vector factors, Matrix slopes) override;
    [[nodiscard]] bool products_are_faster(Real, std::int64_t, std::int64_t) const override { return false; }
};

/// cuSOLVER, in work space that is kept; the rest in the CPU's arithmetic. What returns numbers waits for
/// them, once, and of a decomposition only the eigenvalues come to the host. Products are faster by the model
/// of cost_cuda.hpp, never on a GPU that device/machines.hpp does not list: it may have no fast fp64.
class CudaEigenOperations : public virtual EigenOperations {
  public:
    explicit CudaEigenOperations(device::Device& device) : device_(device) {}
    [[nodiscard]] EigenLimit eigen_limit() const override;
    SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n) override;
    std::vector<double> decompose_symmetric(Matrix matrix, Vector values) override;
    void take_eigenvectors(Matrix rows, Vector values, const SpectralMap& map, Matrix out) override;
    void spectral_slopes(Vector values, const SpectralMap& map, Vector factors, Matrix slopes) override;
    [[nodiscard]] bool products_are_faster(Real real, std::int64_t n, std::int64_t products) const override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
