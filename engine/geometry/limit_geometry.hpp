// Figures against L_mm, the low-rank limit of design 1.3, from its factors alone: nothing of size V×m or V×V.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/geometry/implicit_matrix.hpp"

namespace ntpgeo {

/// L_mm = W_l·H_lᵀ on the host, with W_l = UΣ^{1/2} and H_l = VΣ^{1/2} of its thin singular value
/// decomposition, row-major; 1ᵀW_l = 0. The rank is 0 where every support is full and L_mm = 0.
struct LimitFactors {
    std::int64_t vocab_size = 0, context_count = 0, rank = 0;
    std::vector<double> words;     ///< W_l [V, r]
    std::vector<double> contexts;  ///< H_l [m, r]
};

/// L_mm on a backend, fp64, and how near any W and H are to it. A cosine that does not exist, because L_mm or
/// the other matrix is 0, is empty.
class LimitGeometry {
  public:
    /// Copies the factors. `backend` must outlive this.
    LimitGeometry(Backend& backend, const LimitFactors& factors);

    [[nodiscard]] std::int64_t rank() const { return rank_; }

    /// cos(P_⊥(L̄), L_mm) for L̄ = W̄Hᵀ, words W̄ [V,d] centred, contexts [m,d], fp64, and `low_rank_norm` =
    /// ‖P_⊥(L̄)‖_F. L_mm is constant on each support, so P_F(L_mm) = 0 and ⟨P_⊥(L̄), L_mm⟩ = ⟨L̄, L_mm⟩ =
    /// ⟨W̄ᵀW_l, HᵀH_l⟩; of an L_mm from an iteration that holds to the iteration's tolerance.
    [[nodiscard]] std::optional<double> alignment(Matrix words, Matrix contexts, double low_rank_norm) const;

    /// cos(W̄W̄ᵀ, UΣUᵀ): ⟨W̄W̄ᵀ, W_lW_lᵀ⟩ = ‖W̄ᵀW_l‖_F². words as above.
    [[nodiscard]] std::optional<double> words_gram_cosine(Matrix words) const;
    /// cos(HHᵀ, VΣVᵀ): ⟨HHᵀ, H_lH_lᵀ⟩ = ‖HᵀH_l‖_F² (H [m,d], one row a context, so HHᵀ is m×m).
    [[nodiscard]] std::optional<double> contexts_gram_cosine(Matrix contexts) const;

    /// What the three are made of, queued into out [sums], memory of the backend, for the same words and
    /// contexts; nothing waits.
    static constexpr std::int64_t sums = 5;
    void queue(const Place& place, Matrix words, Matrix contexts, double* out) const;
    /// Of the sums that have come to the host.
    struct Cosines {
        std::optional<double> alignment, words_gram, contexts_gram;
    };
    [[nodiscard]] Cosines cosines(const double* of, double low_rank_norm) const;

    /// Bytes of the backend's memory that factors of `rank` take, and at most besides: while they are copied,
    /// and while one W, H of width `dim` are measured.
    struct Memory {
        std::int64_t kept = 0, making = 0, measuring = 0;
    };
    static Memory memory(std::int64_t vocab_size, std::int64_t context_count, std::int64_t rank,
                         std::int64_t dim);

  private:
    /// Aᵀ·B [A's columns, B's columns].
    [[nodiscard]] Array product(const Place& place, Matrix a, Matrix b) const;
    /// ⟨W̄ᵀW_l, HᵀH_l⟩; and ‖factorᵀ·own‖², ‖factorᵀ·factor‖².
    void queue_alignment(const Place& place, Matrix words, Matrix contexts, double* out) const;
    void queue_gram(const Place& place, Matrix factor, Matrix own, double* out) const;
    [[nodiscard]] std::optional<double> gram_cosine(Matrix factor, Matrix own, double own_norm) const;
    [[nodiscard]] Matrix words() const { return words_.matrix(Real::fp64, vocab_size_, rank_); }
    [[nodiscard]] Matrix contexts() const { return contexts_.matrix(Real::fp64, context_count_, rank_); }

    Backend& backend_;
    std::int64_t vocab_size_, context_count_, rank_;
    Array words_, contexts_;                                // [V, r], [m, r]; none where the rank is 0
    double norm_ = 0, words_norm_ = 0, contexts_norm_ = 0;  // ‖L_mm‖_F, ‖W_lW_lᵀ‖_F, ‖H_lH_lᵀ‖_F
};

}  // namespace ntpgeo
