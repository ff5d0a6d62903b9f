// Some of the contexts taken out of all of them, as a batch, and put back.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Which contexts have a batch's places, in backend memory. A place of weight 0 is filled with any context:
/// its row is taken out like the others' and goes nowhere.
struct BatchView {
    std::int64_t size = 0;                   ///< N places
    const std::int64_t* contexts = nullptr;  ///< [N]
    const double* weights = nullptr;         ///< [N] ≥ 0; those above 0 are of different contexts
    const double* ridges = nullptr;          ///< [N] what each one's row has of λ: its weight over π, or 0
    const std::int64_t* indptr = nullptr;    ///< [N+1] where each one's entries lie in the batch
};

/// Where a batch's entries go, as in LabelsView.
struct BatchEntries {
    std::int32_t* indices = nullptr;
    double* probs = nullptr;
    double* log_probs = nullptr;
};

class BatchOperations {
  public:
    virtual ~BatchOperations() = default;

    /// The labels of the batch's contexts, one behind the other. The word-wise half of `labels` is not read.
    virtual void gather_labels(const LabelsView& labels, const BatchView& batch,
                               const BatchEntries& entries) = 0;
    /// Row i of `rows` [N, d] ← row contexts[i] of `all` [m, d], to the bit.
    virtual void gather_rows(Matrix all, const BatchView& batch, Matrix rows) = 0;
    /// Row contexts[i] of `all` ← row i of `rows` where its weight is above 0. Other rows stay as they are.
    virtual void scatter_rows(Matrix rows, const BatchView& batch, Matrix all) = 0;
    /// Makes the ridge term of a gradient [N, d] that has λ·row, λ being *ridge in backend memory, that of
    /// the batch: row i of the gradient += λ·(ridges[i] − 1)·row i of `rows`. One that is 1 changes nothing.
    virtual void weigh_ridge(Matrix rows, const BatchView& batch, const double* ridge, Matrix gradient) = 0;
};

class CpuBatchOperations : public virtual BatchOperations {
  public:
    void gather_labels(const LabelsView& labels, const BatchView& batch,
                       const BatchEntries& entries) override;
    void gather_rows(Matrix all, const BatchView& batch, Matrix rows) override;
    void scatter_rows(Matrix rows, const BatchView& batch, Matrix all) override;
    void weigh_ridge(Matrix rows, const BatchView& batch, const double* ridge, Matrix gradient) override;
};

/// Queued on the device's stream: nothing waits, allocates or copies.
class CudaBatchOperations : public virtual BatchOperations {
  public:
    explicit CudaBatchOperations(device::Device& device) : device_(device) {}
    void gather_labels(const LabelsView& labels, const BatchView& batch,
                       const BatchEntries& entries) override;
    void gather_rows(Matrix all, const BatchView& batch, Matrix rows) override;
    void scatter_rows(Matrix rows, const BatchView& batch, Matrix all) override;
    void weigh_ridge(Matrix rows, const BatchView& batch, const double* ridge, Matrix gradient) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
