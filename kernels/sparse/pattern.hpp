// Products of a sparse V×m matrix on the labels' pattern with dense blocks, fp64: both directions are
// gathers, so the order of every sum is fixed.
#pragma once

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

class PatternOperations {
  public:
    virtual ~PatternOperations() = default;

    /// Y [V,b] += alpha·F·X, X [m,b]; F[indices[i], j] = values[i] for the positions i of context j, or
    /// 1 where `values` is null.
    virtual void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x,
                               Matrix y) = 0;
    /// X [m,b] += alpha·Fᵀ·Y, Y [V,b].
    virtual void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha,
                                          Matrix y, Matrix x) = 0;
};

class CpuPatternOperations : public virtual PatternOperations {
  public:
    void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x,
                       Matrix y) override;
    void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha, Matrix y,
                                  Matrix x) override;
};

/// A block a row of the result, sums in an order that follows from the pattern alone. Queued on the device's
/// stream.
class CudaPatternOperations : public virtual PatternOperations {
  public:
    explicit CudaPatternOperations(device::Device& device) : device_(device) {}
    void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x,
                       Matrix y) override;
    void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha, Matrix y,
                                  Matrix x) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
