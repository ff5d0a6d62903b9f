// Vector operations of an Anderson-accelerated splitting iteration (design (4.2-3)): the state Y moves to Y⁺
// = Y + α(X − Z), and a history of changes, kept in fp32, corrects it; and those of a Krylov basis kept in
// fp32.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"
#include "kernels/vectors/vectors.hpp"

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
        moved_change;      ///< out: the differences, fp32; data null where there was no step before
    Matrix history = {};   ///< [w, N] fp32 changes of g, this step's among them; data null: no products
    std::int64_t row = 0;  ///< of the history: this step's
};

/// What a step sums up.
struct SplittingSums {
    double step = 0;                  ///< ‖g‖²
    double point = 0;                 ///< ‖z‖²
    std::vector<double> with_row;     ///< [w] ⟨history[q], history[row]⟩
    std::vector<double> with_vector;  ///< [w] ⟨history[q], g⟩
};

/// What has been taken out of a vector, and what is left.
struct Shares {
    std::vector<double> of_rows;
    double rest = 0;  ///< ‖w‖²
};

/// Sums are made over fixed blocks in a fixed order, which follows from the sizes alone. Sizes may be 0.
class SplittingOperations {
  public:
    virtual ~SplittingOperations() = default;

    /// How many rows a block of `orthogonalise` holds at most.
    static constexpr std::int64_t most_rows = 10;

    /// g = relaxation·(x − z), y ← y + g, and the differences from the step before; then the products of the
    /// history in one pass over its rows.
    virtual SplittingSums splitting_step(double relaxation, const SplittingStep& step) = 0;
    /// One pass of Gram and Schmidt: shares[q] = ⟨row q, w⟩ of all rows, then w −= Σ_q shares[q]·row q in
    /// their order. `blocks` of rows [up to most_rows, N] fp32, all but the last full; w [N] fp64.
    virtual Shares orthogonalise(const std::vector<Matrix>& blocks, Vector w) = 0;
    /// Products alone, and of a part alone: ⟨row q, w⟩ of all rows over the elements first .. first + count −
    /// 1, whose bits follow from these elements and `count`.
    virtual std::vector<double> row_products(const std::vector<Matrix>& blocks, Vector w, std::int64_t first,
                                             std::int64_t count) = 0;
    /// y −= Σ_q coefficients[q]·rows[q]. rows [w, N] fp32; y [N] fp64.
    virtual void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) = 0;
};

class CpuSplittingOperations : public virtual SplittingOperations, public virtual VectorOperations {
  public:
    SplittingSums splitting_step(double relaxation, const SplittingStep& step) override;
    Shares orthogonalise(const std::vector<Matrix>& blocks, Vector w) override;
    std::vector<double> row_products(const std::vector<Matrix>& blocks, Vector w, std::int64_t first,
                                     std::int64_t count) override;
    void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) override;
};

/// One pass over memory each, in the CPU's arithmetic (no contraction), so that all but the sums have its
/// bits. Those that return sums wait for them, once, and copy nothing else.
class CudaSplittingOperations : public virtual SplittingOperations {
  public:
    explicit CudaSplittingOperations(device::Device& device) : device_(device) {}
    SplittingSums splitting_step(double relaxation, const SplittingStep& step) override;
    Shares orthogonalise(const std::vector<Matrix>& blocks, Vector w) override;
    std::vector<double> row_products(const std::vector<Matrix>& blocks, Vector w, std::int64_t first,
                                     std::int64_t count) override;
    void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
