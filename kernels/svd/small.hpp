// Singular value decompositions of small square matrices, where they stand on a backend: they are small next
// to what they come from, and the engine looks at their values.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

class SmallDecompositions {
  public:
    virtual ~SmallDecompositions() = default;

    /// A = left·diag(σ)·right. Returns σ, descending; the signs of the pairs of vectors are arbitrary. a
    /// (overwritten), left and right [n, n], fp64, none of them another. Throws Failure where the library
    /// that does it does not converge.
    virtual std::vector<double> small_svd(Matrix a, Matrix left, Matrix right) = 0;
};

/// LAPACK on one thread.
class CpuSmallDecompositions : public virtual SmallDecompositions {
  public:
    std::vector<double> small_svd(Matrix a, Matrix left, Matrix right) override;
};

/// cuSOLVER, in work space that is kept. Waits for the values, once, which are all that comes to the host.
class CudaSmallDecompositions : public virtual SmallDecompositions {
  public:
    explicit CudaSmallDecompositions(device::Device& device) : device_(device) {}
    std::vector<double> small_svd(Matrix a, Matrix left, Matrix right) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
