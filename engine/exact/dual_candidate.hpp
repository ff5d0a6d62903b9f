// Dual points of CE + λ‖·‖_* made from factors W and H, a chunk of contexts at a time, never V×m
// (design 1.4).
#pragma once

#include <cstdint>
#include <limits>

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
    DualCandidate(Backend& backend, const LabelsView& labels, const CandidateFactors& factors, double lambda);

    [[nodiscard]] std::int64_t chunks() const { return (labels_.contexts + rows_ - 1) / rows_; }
    /// Makes a chunk of D, unless it is the one made last.
    Matrix chunk(std::int64_t k);
    /// The chunk's labels.
    [[nodiscard]] LabelsView labels(std::int64_t k) const;
    /// The largest t that the supports of the chunks made so far allow.
    [[nodiscard]] double largest_scale() const { return largest_scale_; }

    /// Rows a chunk, and bytes of the backend's memory for two of them.
    static std::int64_t chunk_rows(std::int64_t vocab, std::int64_t contexts);
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
/// From the Gram matrix of the shorter side where that is affordable (4096, and all of D at once where that
/// side is the contexts'), else the above.
CandidateNorm norm_of(Backend& backend, DualCandidate& candidate, std::uint64_t seed, std::uint64_t stream);

}  // namespace ntpgeo
