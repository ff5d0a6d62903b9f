// Which contexts the updates of a stage are made of (design 2.1, --batch and --sampling).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/training/stage.hpp"

namespace ntpgeo {

/// The contexts of one update, N at most, strictly ascending, the weight of each in its loss, above 0, and
/// what its row has of λ: the same multiple as its loss, weight/π.
struct Batch {
    std::vector<std::int64_t> contexts;
    std::vector<double> weights, ridges;
};

/// Draws batches from Philox: what an update's is follows from the seed, the run's step and the update's
/// number in its stage alone, so that a run goes on with the batches that it would have had.
///   once: an epoch's updates divide the contexts in a random order, N each but for the last one, which has
///   the rest; context j has weight π_j·m/N, so that an epoch's gradients sum to m/N times the whole one's.
///   weights: N independent draws by π; a context that was drawn c times has weight c/N·Σπ. The loss is then
///   the whole one's in expectation.
class BatchSampler {
  public:
    /// `context_probs` [m] are π; 1 ≤ size ≤ m.
    BatchSampler(std::uint64_t seed, std::vector<double> context_probs, std::int64_t size, Sampling sampling);

    /// Of the stage's update `update`, made at the run's step `step`.
    Batch draw(std::int64_t update, std::int64_t step);

  private:
    [[nodiscard]] std::int64_t contexts() const { return static_cast<std::int64_t>(context_probs_.size()); }
    [[nodiscard]] Batch draw_part(std::int64_t update, std::int64_t step);
    [[nodiscard]] Batch draw_by_weight(std::int64_t step) const;
    /// Makes order_ that of the epoch that began at `step`.
    void shuffle(std::int64_t step);

    std::uint64_t seed_;
    std::vector<double> context_probs_, sums_;  // sums_[j] = π_0 + … + π_j
    std::int64_t size_;
    Sampling sampling_;
    std::vector<std::int64_t> order_;  // of the epoch that began at epoch_
    std::int64_t epoch_ = -1;
};

}  // namespace ntpgeo
