// Vector operations in master precision.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Vectors may start at any element; sizes may be 0.
class VectorOperations {
  public:
    virtual ~VectorOperations() = default;

    /// x_i = scale·N(0,1), the i-th normal of Philox(seed, stream).
    virtual void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) = 0;
    virtual void fill_zero(Vector x) = 0;
    /// Converts where the two differ in precision.
    virtual void copy(Vector from, Vector to) = 0;
    /// ⟨x, y⟩ in double, in an order that follows from the size alone.
    virtual double dot(Vector x, Vector y) = 0;
    /// y += a·x.
    virtual void axpy(double a, Vector x, Vector y) = 0;
    virtual void scale(double a, Vector x) = 0;
};

class CpuVectorOperations : public virtual VectorOperations {
  public:
    void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) override;
    void fill_zero(Vector x) override;
    void copy(Vector from, Vector to) override;
    double dot(Vector x, Vector y) override;
    void axpy(double a, Vector x, Vector y) override;
    void scale(double a, Vector x) override;
};

/// The same formulas in the same arithmetic (no contraction), so that all but the sums and the normals have
/// the CPU's bits; a normal differs by what log and cos differ (an ulp or two). Neither the GPU nor the
/// alignment changes the bits of a dot product. Everything is queued on the device's stream; only `dot`
/// waits.
class CudaVectorOperations : public virtual VectorOperations {
  public:
    explicit CudaVectorOperations(device::Device& device) : device_(device) {}
    void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) override;
    void fill_zero(Vector x) override;
    void copy(Vector from, Vector to) override;
    double dot(Vector x, Vector y) override;
    void axpy(double a, Vector x, Vector y) override;
    void scale(double a, Vector x) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
