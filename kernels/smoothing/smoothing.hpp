// Operations of the smoothed Newton iteration on NTP-SVM (design (4.2-7) to (4.2-10)): the smoothed
// projection onto the margins with its derivative, and what a product with the derivative of the smoothed
// singular value threshold takes beside dense products.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// How far both proximal maps are smoothed.
struct Smoothing {
    double tau = 0;  ///< 1/ρ
    double nu = 0;   ///< slack times multiplier of every inequality, > 0
};

class SmoothingOperations {
  public:
    virtual ~SmoothingOperations() = default;

    /// In each row c, with μ = margins[c]: z = a on the support and a − μ − slack off it, where slack =
    /// (√(w² + 4τν) + w)/2 with w = a − μ − y, and a is the root of Σ_S (a − y) = Σ_off u, u = (√(w² + 4τν) −
    /// w)/2 (design (4.2-8)); reflected = 2z − y; weights = 1 on the support and ∂z/∂y for fixed a, that is
    /// u/√(w² + 4τν), off it. levels [n]: in, where Newton's method for a begins (NaN: at the support's
    /// mean); out, a. y, z, reflected [n, V] fp64; weights [n, V] fp32 or fp64; margins [n] > 0, fp64.
    virtual void smooth_margins(const LabelsView& labels, const double* margins, const Smoothing& smoothing,
                                Matrix y, double* levels, Matrix z, Matrix reflected, Matrix weights) = 0;
    /// The derivative of z along `direction` d: in each row, with s = Σ q d/Σ q over its weights q, projected
    /// = d + q(s − d), and reflected = 2·projected − d. All [n, V] and of one precision; sums in double.
    virtual void project_direction(Matrix weights, Matrix direction, Matrix projected, Matrix reflected) = 0;
    /// h ← weights∘(h + hᵀ), in place. Both [n, n], of one precision; weights symmetric.
    virtual void weigh_symmetric_part(Matrix weights, Matrix h) = 0;
    /// a[i, k] *= factors[k] where `columns`, else factors[i]. One precision.
    virtual void scale_lines(Vector factors, bool columns, Matrix a) = 0;
};

class CpuSmoothingOperations : public virtual SmoothingOperations {
  public:
    void smooth_margins(const LabelsView& labels, const double* margins, const Smoothing& smoothing, Matrix y,
                        double* levels, Matrix z, Matrix reflected, Matrix weights) override;
    void project_direction(Matrix weights, Matrix direction, Matrix projected, Matrix reflected) override;
    void weigh_symmetric_part(Matrix weights, Matrix h) override;
    void scale_lines(Vector factors, bool columns, Matrix a) override;
};

/// A block a row where rows are summed over, in the formulas of the CPU; sums in a fixed order, so that a GPU
/// always gives the same bits. Queued on the device's stream; nothing waits.
class CudaSmoothingOperations : public virtual SmoothingOperations {
  public:
    explicit CudaSmoothingOperations(device::Device& device) : device_(device) {}
    void smooth_margins(const LabelsView& labels, const double* margins, const Smoothing& smoothing, Matrix y,
                        double* levels, Matrix z, Matrix reflected, Matrix weights) override;
    void project_direction(Matrix weights, Matrix direction, Matrix projected, Matrix reflected) override;
    void weigh_symmetric_part(Matrix weights, Matrix h) override;
    void scale_lines(Vector factors, bool columns, Matrix a) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
