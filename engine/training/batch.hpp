// Mini-batches of contexts: the part of the labels and of H that an update is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/training/objective.hpp"
#include "engine/training/optimizer.hpp"
#include "engine/training/sampler.hpp"
#include "engine/training/settings.hpp"

namespace ntpgeo {

/// The labels of a batch on a backend, where a loss step finds whichever were taken last.
class BatchLabels {
  public:
    /// Room for any `size` of the contexts. At first the offsets are those of the largest supports, so that a
    /// loss step that is made now has room for any batch. `labels` must outlive it.
    BatchLabels(Backend& backend, const LabelsView& labels, std::int64_t size);

    /// Queues the taking of `size` contexts at most; places that are left have weight 0.
    void take(const Batch& batch);
    /// Of N contexts and room for the most entries; without the word-wise half.
    [[nodiscard]] const LabelsView& view() const { return view_; }
    [[nodiscard]] const BatchView& batch() const { return batch_; }
    [[nodiscard]] std::int64_t bytes() const;

  private:
    Backend& backend_;
    LabelsView all_, view_;
    std::vector<std::int64_t> support_sizes_;  // [m]
    std::int64_t smallest_;                    // the context that fills places that are left
    std::vector<std::int64_t> indptr_;         // [N+1]
    Array contexts_, weights_, ridges_, offsets_, indices_, probs_, log_probs_;
    BatchView batch_;
};

/// The optimizer of a stage with batches, its state empty. `flat` is [W; H] of `shape`, in memory that
/// outlives it, as `labels` do. W, the rows of H that are in the batch and what the optimizer keeps for them
/// make up the vector that an update of it sees; afterwards the rows go back. Other rows of H, and what is
/// kept for them, stay as they are (so Adam's moments of a row fade by the updates that the row is in, while
/// its bias corrections go by all updates).
std::unique_ptr<Optimizer> make_batched(Backend& backend, const LabelsView& labels, Vector flat,
                                        const TrainingSettings& settings, const Stage& stage);

}  // namespace ntpgeo
