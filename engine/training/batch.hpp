// Mini-batches of contexts: the part of the labels and of H that an update is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/training/objective.hpp"
#include "engine/training/optimizer.hpp"
#include "engine/training/sampler.hpp"
#include "engine/training/settings.hpp"
#include "engine/training/shared_rows.hpp"

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
    /// Where the entries of a place begin; of place N, how many there are.
    [[nodiscard]] std::int64_t offset(std::int64_t place) const { return indptr_[place]; }
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

/// The contexts of a batch that lie in `rows`, counted from the first of them.
Batch part_of(const Batch& batch, const RowRange& rows);

/// A batch's labels, a virtual shard after the other.
class BatchShards {
  public:
    /// All must outlive it.
    BatchShards(Backend& backend, const SharedRows& rows, const BatchLabels& labels);

    /// After labels.take(own), `own` being this rank's part of the batch.
    void cut(const Batch& own);
    /// Of the shards that have any context of the batch.
    [[nodiscard]] const std::vector<ShardSlice>& slices() const { return slices_; }

  private:
    Backend& backend_;
    const SharedRows& rows_;
    const BatchLabels& labels_;
    Array offsets_;  // each shard's begin with 0
    std::vector<ShardSlice> slices_;
};

/// What batches are taken from: the labels of the contexts that are here, all of them or, cut into shards,
/// this rank's.
struct BatchSource {
    LabelsView labels;
    const SharedRows* rows = nullptr;
};

/// The optimizer of a stage with batches, its state empty. `flat` is [W; H] in memory that outlives it, as
/// the source does. W, the rows of H that are in the batch and what the optimizer keeps for them
/// make up the vector that an update of it sees; afterwards the rows go back. Other rows of H, and what is
/// kept for them, stay as they are (so Adam's moments of a row fade by the updates that the row is in, while
/// its bias corrections go by all updates).
std::unique_ptr<Optimizer> make_batched(Backend& backend, const BatchSource& source, Vector flat,
                                        const TrainingSettings& settings, const Stage& stage);

}  // namespace ntpgeo
