// The libraries of matrix products that are installed here, one called like another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo::bench {

/// Of a product: the operand is taken as it lies, or transposed.
enum class Taken { plain, transposed };

class GemmLibrary {
  public:
    virtual ~GemmLibrary() = default;

    /// "OpenBLAS 0.3.21", as far as the library tells.
    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual bool multiplies(Precision precision) const = 0;
    /// How many threads a product takes from now on, and no more than OpenMP's on the calling thread.
    virtual void set_threads(int threads) const = 0;

    /// C [m, n] = op(A)·op(B) + beta·C, row-major, k the summed dimension; on as many threads as were set.
    virtual void multiply(Taken a_taken, Taken b_taken, std::int64_t m, std::int64_t n, std::int64_t k,
                          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta,
                          float* c, std::int64_t ldc) const = 0;
    virtual void multiply(Taken a_taken, Taken b_taken, std::int64_t m, std::int64_t n, std::int64_t k,
                          const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta,
                          double* c, std::int64_t ldc) const = 0;
};

/// OpenBLAS, which ntpgeo uses, first; then BLIS and oneDNN (fp32 alone) where the loader finds them. They
/// live until the program ends.
const std::vector<std::unique_ptr<GemmLibrary>>& gemm_libraries();

}  // namespace ntpgeo::bench
