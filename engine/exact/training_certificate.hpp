// How far a training run is from the global optimum of the convex problem that it stands for
// (design 1.2, 1.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/data/dataset.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// A lower bound on min CE + λ‖·‖_*, as an excess over Hent, and how it was made: which candidate, and
/// whether ‖·‖₂ was exact or holds with a probability.
struct OptimumBound {
    double excess = 0;
    std::string kind;
};

/// (objective − bound)/objective, both excesses over Hent; null where λ = 0 or the objective is not positive.
/// ‖L‖_* ≤ (‖W‖² + ‖H‖²)/2 makes the objective of training an upper bound of the same optimum.
std::optional<double> relative_gap(double excess_loss, double lambda, double words_norm, double contexts_norm,
                                   const std::optional<OptimumBound>& bound);

/// Bounds the optimum from any W and H. `backend`, `dataset` and the labels must outlive it.
class OptimumBounder {
  public:
    OptimumBounder(Backend& backend, const Dataset& dataset, const LabelsView& labels);

    /// The best of the gradient's bound, the polar candidate's (where d ≤ min(V, m)) and, up to 5·10⁶ logits,
    /// 20 iterations of the path's solver from L. words [V,d], contexts [m,d], in either precision; lambda >
    /// 0. ‖·‖₂ is exact up to V = 4096 (or m, where all logits fit at once); beyond, Lanczos from a start
    /// drawn from (seed, step) underestimates it with a probability of at most 1e-9 a norm.
    OptimumBound bound(Matrix words, Matrix contexts, double lambda, std::uint64_t seed, std::int64_t step);

    /// Bytes of the backend's memory that a call takes at most.
    static std::int64_t bytes(std::int64_t vocab, std::int64_t contexts, std::int64_t dim);

  private:
    Backend& backend_;
    const Dataset& dataset_;
    const LabelsView& labels_;
};

}  // namespace ntpgeo
