// How far a training run is from the global optimum of the convex problem that it stands for
// (design 1.2, 1.4): bounds from dual points of CE + λ‖·‖_* that are made from factors W and H, a chunk of
// contexts at a time, never V×m.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// The factors of a candidate: D = the gradient at W̄Hᵀ, or, where there are polar factors U, V of W̄Hᵀ, the
/// polar candidate.
struct CandidateFactors {
    Matrix words, contexts;              ///< W̄ [V,d] and H [m,d], fp64
    Matrix polar_words, polar_contexts;  ///< U [V,r], V [m,r]; data null for the gradient
};

/// D [m, V] by rows of contexts.
class DualCandidate {
  public:
    /// Entries of a chunk, and the side of a Gram matrix that is decomposed, at most.
    static constexpr std::int64_t chunk_entries = std::int64_t{1} << 24, largest_gram = 4096;

    DualCandidate(Backend& backend, const LabelsView& labels, const CandidateFactors& factors, double lambda,
                  std::int64_t entries = chunk_entries);

    [[nodiscard]] std::int64_t chunks() const { return (labels_.contexts + rows_ - 1) / rows_; }
    /// Makes a chunk of D, unless it is the one made last.
    Matrix chunk(std::int64_t k);
    /// The chunk's labels.
    [[nodiscard]] LabelsView labels(std::int64_t k) const;
    /// The largest t that the supports of the chunks made so far allow.
    [[nodiscard]] double largest_scale() const { return largest_scale_; }

    /// Rows a chunk, and bytes of the backend's memory for two of them.
    static std::int64_t chunk_rows(std::int64_t vocab, std::int64_t contexts,
                                   std::int64_t entries = chunk_entries);
    static std::int64_t bytes(std::int64_t vocab, std::int64_t contexts);

  private:
    Backend& backend_;
    const LabelsView& labels_;
    CandidateFactors factors_;
    double lambda_, largest_scale_ = std::numeric_limits<double>::infinity();
    std::int64_t rows_, made_ = -1;
    Array candidate_, polar_;
};

/// An upper bound on ‖D‖₂ and whether it holds for certain.
struct CandidateNorm {
    double value = 0;
    bool exact = true;
};
/// From 80 Lanczos steps on DᵀD from a start drawn from Philox(seed, stream), whose largest Ritz value misses
/// λmax by more than a share ε with a probability of at most 1.648 √V e^{−√ε(2k−1)} (Kuczyński and
/// Woźniakowski 1992, theorem 4.2): ε is taken so that this is 1e-9.
CandidateNorm probable_norm_of(Backend& backend, DualCandidate& candidate, std::uint64_t seed,
                               std::uint64_t stream);
/// The same where DᵀD v [vocab] comes from `apply`.
CandidateNorm probable_norm(Backend& backend, std::int64_t vocab,
                            const std::function<std::vector<double>(const std::vector<double>& v)>& apply,
                            std::uint64_t seed, std::uint64_t stream);
/// DᵀD v, both [V].
std::vector<double> product_with_gram(Backend& backend, DualCandidate& candidate,
                                      const std::vector<double>& v);
/// From the Gram matrix of the shorter side where that is affordable (4096, and all of D at once where that
/// side is the contexts'), else the above.
CandidateNorm norm_of(Backend& backend, DualCandidate& candidate, std::uint64_t seed, std::uint64_t stream);

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

class SolverRows;
/// As OptimumBounder::bound, where ranks share the contexts' rows, which `rows` has. `labels` and `contexts`
/// are the own rows', `words` all. Every rank calls it, and has the bound; its bits follow from the shards.
/// The first rank alone makes the polar factors, and the path's iterations; `between` is called by all ranks.
OptimumBound shared_optimum_bound(const SolverRows& rows, const Dataset& dataset, const LabelsView& labels,
                                  Matrix words, Matrix contexts, double lambda, std::uint64_t seed,
                                  std::int64_t step, const std::function<void()>& between);

/// Bounds the optimum from any W and H. `backend`, `dataset` and the labels must outlive it.
class OptimumBounder {
  public:
    OptimumBounder(Backend& backend, const Dataset& dataset, const LabelsView& labels);

    /// The best of the gradient's bound, the polar candidate's (where d ≤ min(V, m)) and, up to 5·10⁶ logits,
    /// 20 iterations of the path's solver from L. words [V,d], contexts [m,d], in either precision; lambda >
    /// 0. ‖·‖₂ is exact up to V = 4096 (or m, where all logits fit at once); beyond, Lanczos from a start
    /// drawn from (seed, step) underestimates it with a probability of at most 1e-9 a norm. `between` is
    /// called between candidates and before each iteration, and may throw to leave it at that.
    OptimumBound bound(Matrix words, Matrix contexts, double lambda, std::uint64_t seed, std::int64_t step,
                       const std::function<void()>& between = {});

    /// Bytes of the backend's memory that a call takes at most.
    static std::int64_t bytes(std::int64_t vocab, std::int64_t contexts, std::int64_t dim);
    /// And of one rank with all of so many shards.
    static std::int64_t shared_bytes(std::int64_t vocab, std::int64_t contexts, std::int64_t dim,
                                     std::int64_t shards);

  private:
    Backend& backend_;
    const Dataset& dataset_;
    const LabelsView& labels_;
};

}  // namespace ntpgeo
