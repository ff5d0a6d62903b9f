// Vector operations of an Anderson-accelerated splitting iteration (design (4.2-3)): the state Y moves to Y⁺
// = Y + α(X − Z), and a history of changes, kept in fp32, corrects it.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// The vectors of a splitting step, each of the state's size N.
struct SplittingStep {
    Vector x, z;             ///< the two proximal points, fp64
    Vector y;                ///< the state; becomes Y⁺ (fp64)
    Vector residual, moved;  ///< in: g and Y⁺ of the step before; out: of this one (fp64)
    Vector residual_change,
        moved_change;  ///< out: the differences, fp32; data null where there was no step before
};

/// Products of a history's rows.
struct RowDots {
    std::vector<double> with_row;     ///< [w], or empty where no row was named
    std::vector<double> with_vector;  ///< [w]
};

/// Where the rows' products with a vector alone are wanted.
inline constexpr std::int64_t no_row = -1;

/// Sums are made over fixed blocks in a fixed order, which follows from the sizes alone. Sizes may be 0.
class SplittingOperations {
  public:
    virtual ~SplittingOperations() = default;

    /// g = relaxation·(x − z), y ← y + g, and the differences from the step before. Returns ‖g‖².
    virtual double splitting_step(double relaxation, const SplittingStep& step) = 0;
    /// with_row[q] = ⟨rows[q], rows[row]⟩ and with_vector[q] = ⟨rows[q], x⟩ in one pass over the rows; the
    /// latter alone where row is `no_row`. rows [w, N] fp32; x [N] fp64.
    virtual RowDots row_dots(Matrix rows, std::int64_t row, Vector x) = 0;
    /// y −= Σ_q coefficients[q]·rows[q]. rows [w, N] fp32; y [N] fp64.
    virtual void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) = 0;
};

class CpuSplittingOperations : public virtual SplittingOperations {
  public:
    double splitting_step(double relaxation, const SplittingStep& step) override;
    RowDots row_dots(Matrix rows, std::int64_t row, Vector x) override;
    void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) override;
};

/// One pass over memory each, in the CPU's arithmetic (no contraction), so that all but the sums have its
/// bits. Those that return sums wait for them.
class CudaSplittingOperations : public virtual SplittingOperations {
  public:
    explicit CudaSplittingOperations(device::Device& device) : device_(device) {}
    double splitting_step(double relaxation, const SplittingStep& step) override;
    RowDots row_dots(Matrix rows, std::int64_t row, Vector x) override;
    void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
