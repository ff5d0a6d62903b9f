// Operations on dense logits a column of L at a time, for the exact solvers (design 4.2, 4.3). L [V, n] is
// stored with one row a column of L, [n, V]: a context's logits are contiguous. Everything here is fp64.
//
// A row may stand for n_c contexts with the same labels (merged contexts): it then holds √n_c times their
// logits, so that Frobenius and nuclear norms are those of the unmerged matrix.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// What a dual candidate of NTP-SVM proves (design 1.4), before it is divided by its spectral norm.
struct MarginDual {
    double bound = 0;      ///< Σ_c μ_c Σ_{v∉S_c} (−M_vc) ≥ 0
    double imbalance = 0;  ///< at least Σ_c |1ᵀM_c| of the stored M, the rounding of that sum included
};

/// The cross-entropy of dense logits.
struct ColumnLoss {
    double excess = 0;  ///< CE − Hent (design 1.2)
    double rounding = 0;  ///< bounds the error of `excess` to first order: that of the sums, and of δ = log q̄
                          ///< − log p at large logits
};

/// The entropy of a dual point of CE + λ‖·‖_* (design 1.4).
struct DualEntropy {
    double excess = 0;    ///< Σ_j π_j (Ent(q'_j) − Ent(p_j))
    double rounding = 0;  ///< bounds the error of `excess` to first order, and what the columns of D that do
                          ///< not quite sum to 0 are worth
};

class ColumnOperations {
  public:
    virtual ~ColumnOperations() = default;

    /// Z = the nearest point to Y at which, in each row c, the logits of the support S_c are equal and lead
    /// all others by at least margins[c] (design (4.2-4), exact), and reflected = 2Z − Y. y, z, reflected [n,
    /// V]; margins [n] > 0.
    virtual void project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                                 Matrix reflected) = 0;

    /// M = ρ(Z − Y) made feasible for the dual of NTP-SVM (design 1.4): clipped to ≤ 0 off the support, the
    /// support entries of each row shifted so that the row sums to 0. z, y, dual [n, V].
    virtual MarginDual margin_dual(const LabelsView& labels, const double* margins, double rho, Matrix z,
                                   Matrix y, Matrix dual) = 0;

    /// X = argmin CE(X) + ρ/2 ‖X − Y‖_F², and reflected = 2X − Y. A row c holds scales[c] times logits.
    /// Newton's method from what x holds, each step solved in O(V) by Sherman-Morrison and damped so that it
    /// always descends (design 4.3), until its decrement is below 1e-18·ρ(1 + ‖x − y‖²) or 1e-30·π. Leaves
    /// the number of rows that did not get there within 100 steps in `unfinished` [1], the backend's memory.
    /// x, y, reflected [n, V]; scales [n] > 0.
    virtual void prox_cross_entropy(const LabelsView& labels, const double* scales, double rho, Matrix y,
                                    Matrix x, Matrix reflected, std::int64_t* unfinished) = 0;

    /// CE − Hent of the logits in x, and, where gradient.data is not null, its gradient by x: π_c(softmax −
    /// p)/scale, anchored (design 1.2). x, gradient [n, V] may be the same memory; scales [n] > 0, or null
    /// for 1.
    virtual ColumnLoss column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                            Matrix gradient) = 0;

    /// The gradient at X = prox_cross_entropy(ρ, Y) from both sides of its optimality condition: π
    /// softmax/scale off the support, where that is right relatively, and ρ(Y − X) on it, where it is free of
    /// the rounding that softmax − p has at large logits; rows summing to 0 as above. y, x, gradient [n, V];
    /// scales [n] > 0.
    virtual void prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                               Matrix gradient) = 0;

    /// The polar candidate of design (1.4-9) for min CE + λ‖·‖_*: `gradient` (that of the cross-entropy,
    /// scales 1) keeps its entries off the support and gets −λ(N − mean_S N) − (Σ_off G)/k on it. polar N,
    /// gradient [n, V]. Returns the largest t for which p + t·D/π ≥ 0 on every support; infinity where any
    /// does.
    virtual double polar_candidate(const LabelsView& labels, double lambda, Matrix polar,
                                   Matrix gradient) = 0;

    /// With D = `gradient`, q' = p + t·scale·D/π (design (1.4-7)): the entropies of q' over those of p,
    /// without cancellation. A row whose q' has an entry below 0 is no dual point's, and counts as one of
    /// zeros: q' = p adds nothing, and D's spectral norm without the row is no larger. gradient [n, V];
    /// scales [n], or null for 1.
    virtual DualEntropy dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                                     double t) = 0;
};

class CpuColumnOperations : public virtual ColumnOperations {
  public:
    void project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                         Matrix reflected) override;
    MarginDual margin_dual(const LabelsView& labels, const double* margins, double rho, Matrix z, Matrix y,
                           Matrix dual) override;
    void prox_cross_entropy(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                            Matrix reflected, std::int64_t* unfinished) override;
    ColumnLoss column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                    Matrix gradient) override;
    void prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                       Matrix gradient) override;
    double polar_candidate(const LabelsView& labels, double lambda, Matrix polar, Matrix gradient) override;
    DualEntropy dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                             double t) override;
};

/// A block a row of the dense logits, in the formulas of the CPU. Rows are independent of each other, and
/// what is summed over them is summed in a fixed order, so that a GPU always gives the same bits. No memory
/// is taken but a few numbers a row; the prox uses `reflected` as its workspace, which must not share memory
/// with y or x. Queued on the device's stream; those that return numbers wait for them.
class CudaColumnOperations : public virtual ColumnOperations {
  public:
    explicit CudaColumnOperations(device::Device& device) : device_(device) {}
    void project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                         Matrix reflected) override;
    MarginDual margin_dual(const LabelsView& labels, const double* margins, double rho, Matrix z, Matrix y,
                           Matrix dual) override;
    void prox_cross_entropy(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                            Matrix reflected, std::int64_t* unfinished) override;
    ColumnLoss column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                    Matrix gradient) override;
    void prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                       Matrix gradient) override;
    double polar_candidate(const LabelsView& labels, double lambda, Matrix polar, Matrix gradient) override;
    DualEntropy dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                             double t) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
