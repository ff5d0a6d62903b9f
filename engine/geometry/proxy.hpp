// The proxies of design (1.3-8): the geometry that the support matrix alone predicts for W and H.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/geometry/figure_operations.hpp"
#include "engine/geometry/implicit_matrix.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// S̃S̃ᵀ [V, V]: S Sᵀ counts the contexts that two words share, and centring takes off its row and column
/// means.
std::vector<double> support_words_gram(const Dataset& dataset);

/// Cosines of W̄W̄ᵀ with (S̃S̃ᵀ)^{1/2} and of HHᵀ with (S̃ᵀS̃)^{1/2} for any factors, from S̃'s singular vectors on
/// its shorter side: ⟨W̄W̄ᵀ, UΣUᵀ⟩ = ‖W̄ᵀUΣ^{1/2}‖² and ⟨HHᵀ, VΣVᵀ⟩ = ‖HᵀVΣ^{1/2}‖² with V = S̃ᵀUΣ⁻¹ (or the
/// other way round).
class SupportProxy {
  public:
    /// Dense where min(V, m) ≤ 4096: the eigenvectors of the exact integer-born Gram matrix; singular values
    /// below √(min(V,m)·2^-52)·σ₁ count as zero. Above that the 64 leading triplets (fewer where S̃ has
    /// fewer, or where no more come within 1e-8 σ₁ by what they may take), so that the cosines are lower
    /// bounds. `labels` must outlive this.
    SupportProxy(Backend& backend, const Dataset& dataset, const LabelsView& labels)
        : SupportProxy(backend, dataset, labels, most_proxy_operations(labels.vocab_size, labels.contexts)) {}
    SupportProxy(Backend& backend, const Dataset& dataset, const LabelsView& labels, double most_operations);

    /// words W̄ [V,d] centred, fp64; contexts [m,d], fp64. NaN where a norm is zero.
    [[nodiscard]] double words_gram_cosine(Matrix words) const;
    [[nodiscard]] double contexts_gram_cosine(Matrix contexts) const;

    /// What a cosine is made of: ⟨factor·factorᵀ, proxy⟩ and ‖factor·factorᵀ‖².
    static constexpr std::int64_t sums = 2;
    /// Queues it for the same factors into out [sums], memory of the backend; nothing waits.
    void queue_words_gram(const Place& place, Matrix words, double* out) const;
    void queue_contexts_gram(const Place& place, Matrix contexts, double* out) const;
    /// The cosine of sums that have come to the host.
    [[nodiscard]] double cosine(const double* of) const;

    /// The `count` leading singular triplets of S̃, fewer where it has fewer.
    [[nodiscard]] Directions directions(std::int64_t count) const;

    [[nodiscard]] double norm() const { return norm_; }              ///< ‖S̃‖_F
    [[nodiscard]] const std::string& kind() const { return kind_; }  ///< "dense" or "leading N"
    [[nodiscard]] const std::vector<double>& values() const {
        return values_;
    }  ///< σ of S̃ that are kept, descending

    /// Whether all of S̃ is decomposed, and how many vectors there are at most.
    static bool is_dense(std::int64_t vocab, std::int64_t contexts);
    static std::int64_t most_vectors(std::int64_t vocab, std::int64_t contexts);

    /// Bytes of the backend's memory that the vectors take at most, and what is taken besides while they are
    /// made, there and on the host; and how many vectors there are at most.
    struct Memory {
        std::int64_t kept = 0, making = 0, host = 0, vectors = 0;
    };
    static Memory memory(const LabelsView& labels);

  private:
    void make_weights();
    void queue_gram(const Place& place, Matrix factor, bool same_side, double* out) const;

    Backend& backend_;
    const LabelsView& labels_;
    double norm_ = 0;
    std::string kind_;
    bool left_ = true;  // whether the vectors are U (words' side) or V (contexts' side)
    std::vector<double> values_;
    Array vectors_;                       // [short side, values]
    Array same_weights_, other_weights_;  // [values] σ^½, and σ^-½ for the side that is mapped
};

}  // namespace ntpgeo
