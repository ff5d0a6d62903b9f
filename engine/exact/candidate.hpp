// Dual candidates of CE + λ‖·‖_* (design 1.4) as certificates take them: their spectral norm, how far they
// may be scaled, and the entropy they prove; of rows that are all here, or that ranks share.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/exact/solver_rows.hpp"
#include "engine/exact/training_certificate.hpp"

namespace ntpgeo {

class Candidate {
  public:
    Candidate() = default;
    Candidate(const Candidate&) = delete;
    Candidate& operator=(const Candidate&) = delete;
    virtual ~Candidate() = default;

    /// An upper bound on ‖D‖₂; where it holds with a probability, from Philox(seed, stream).
    virtual CandidateNorm norm(std::uint64_t seed, std::uint64_t stream) = 0;
    /// The largest t that the supports allow, once the norm has been asked for.
    virtual double largest_scale() = 0;
    /// As ColumnOperations::dual_entropy, less its rounding: what is proven.
    virtual double entropy(double t) = 0;
};

class WholeCandidate final : public Candidate {
  public:
    WholeCandidate(Backend& backend, const LabelsView& labels, const CandidateFactors& factors, double lambda)
        : backend_(backend), rows_(backend, labels, factors, lambda) {}
    CandidateNorm norm(std::uint64_t seed, std::uint64_t stream) override {
        return norm_of(backend_, rows_, seed, stream);
    }
    double largest_scale() override { return rows_.largest_scale(); }
    double entropy(double t) override;

  private:
    Backend& backend_;
    DualCandidate rows_;
};

/// What a shared candidate's norm is made by: entries of all ranks' chunks, or of D where it is made at once,
/// and the side of a Gram matrix that is decomposed, at most.
struct CandidateLimits {
    std::int64_t entries = DualCandidate::chunk_entries, gram = DualCandidate::largest_gram;
};

/// A shard at a time, in chunks that together have no more entries than one of a process without shards. The
/// norm is exact for as many words (4096), or where all of D is no more than a chunk.
class SharedCandidate final : public Candidate {
  public:
    /// `labels` are the own rows'; `factors` have all words, and the own rows of contexts. All must outlive
    /// it.
    SharedCandidate(const SolverRows& rows, const LabelsView& labels, const CandidateFactors& factors,
                    double lambda, const CandidateLimits& limits = {});
    CandidateNorm norm(std::uint64_t seed, std::uint64_t stream) override;
    double largest_scale() override;
    double entropy(double t) override;

    /// Bytes of the backend's memory on one rank with all of so many shards, its norm's included.
    static std::int64_t bytes(std::int64_t vocab, std::int64_t contexts, std::int64_t shards);

  private:
    struct Piece {
        LabelsView labels;
        std::unique_ptr<DualCandidate> rows;
    };
    double exact_norm();
    std::vector<double> apply(const std::vector<double>& v);

    const SolverRows& rows_;
    Backend& backend_;
    CandidateLimits limits_;
    std::vector<Piece> pieces_;
};

}  // namespace ntpgeo
