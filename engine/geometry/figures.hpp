// The figures of a train record (design 2.2) for any W and H over a dataset, without V×m memory (design 4.4).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/geometry/implicit_matrix.hpp"
#include "engine/geometry/limit_geometry.hpp"
#include "engine/geometry/loss_pass.hpp"
#include "engine/geometry/proxy.hpp"

namespace ntpgeo {

/// Each member has an entry in the table of figures (figure_table.hpp), by which records hold it. Everything
/// is of the centred logits L̄ = (I − 11ᵀ/V)L, except the loss, the raw norms and the margin, which the
/// centring does not touch. An empty optional is a quantity that does not exist for this input: one that
/// would be a ratio over a part that is 0 but for rounding (rounding.hpp).
struct Figures {
    double loss = 0, entropy = 0;  ///< CE and its lower bound Hent, nats
    double excess_loss = 0;        ///< CE − Hent, nats
    double off_support_mass = 0;   ///< Σ π_j r_j/(1+r_j)
    double grad_norm = 0;          ///< of CE + λ/2 (‖W‖² + ‖H‖²), both factors
    double words_grad_norm = 0, contexts_grad_norm = 0;  ///< of the same, by W and by H alone
    double words_norm = 0, contexts_norm = 0;            ///< ‖W‖_F, ‖H‖_F, raw
    double sparse_norm = 0;                              ///< ‖P_F(L̄)‖_F
    double low_rank_norm = 0;                            ///< ‖P_⊥(L̄)‖_F
    std::optional<double> dominance;                     ///< their ratio, low rank over sparse
    std::optional<double> in_support_error;              ///< ‖P_F(L) − L_in‖_F / ‖L_in‖_F
    std::optional<double> alignment_proxy;               ///< cos of P_⊥(L̄) with S̃
    std::optional<double> alignment_limit;               ///< with L_mm, where its factors are given
    std::optional<double> min_margin;                    ///< min over j of min_{S_j} ℓ − max_{off} ℓ
    std::optional<double>
        collapse;  ///< within-class over total energy of P_⊥(L̄)'s columns, classes of ≥ 2 contexts
    std::optional<double> class_cosine;   ///< mean over those classes of the mean pairwise cosine of h_j
    std::optional<double> stable_rank;    ///< ‖P_⊥(L̄)‖_F²/σ₁²
    std::vector<double> singular_values;  ///< up to 16 largest of P_⊥(L̄)
    double spectrum_residual = 0;         ///< relative to σ₁; 0 where the decomposition was dense
    std::optional<double> words_gram_proxy, contexts_gram_proxy;
    std::optional<double> words_gram_limit, contexts_gram_limit;
    /// u_kᵀ P_⊥(L̄) v_k along the leading singular triplets of S̃, up to 16 of its rank: how far each of the
    /// data's directions has been learned (arXiv 2505.08348). Where singular values of S̃ agree, a single one
    /// of their directions is an arbitrary choice among rotations (the same in every record of a run); only
    /// the sum over all that agree is a property of the data and of W and H.
    std::vector<double> direction_strengths;
    std::optional<double> words_rank;  ///< effective rank of W̄, from 1 to min(V − 1, d)
    std::string proxy_kind;            ///< of the S̃ that they are measured against: SupportProxy::kind
};

/// What a FigureMeter takes at most, its labels aside: of the backend's memory, and of the host's in between.
/// Reads the labels. `limit_rank` is that of L_mm's factors, 0 without.
struct FigureMemory {
    std::int64_t device = 0, host = 0;
};
FigureMemory figure_memory(Backend& backend, const LabelsView& labels, std::int64_t dim, Precision precision,
                           std::int64_t limit_rank = 0);

/// Measures W, H against one dataset; what depends on the dataset alone is computed once. `backend` and the
/// dataset must outlive it.
class FigureMeter {
  public:
    /// `limit`: L_mm of this dataset, copied, where its figures are wanted.
    FigureMeter(Backend& backend, const Dataset& dataset, const LimitFactors* limit = nullptr);
    ~FigureMeter();

    /// words [V,d] and contexts [m,d] in either precision (converted to fp64). `precision` is that of the
    /// loss step's three products, `ridge` the λ of the objective whose gradient is measured. The spectrum's
    /// sketch is drawn from (seed, step) alone. `pass`: what a loss step with that ridge would find, where
    /// one has been made.
    Figures measure(Matrix words, Matrix contexts, double ridge, Precision precision, std::uint64_t seed,
                    std::int64_t step, const LossPass* pass = nullptr);

    /// `between` is called between the parts of a measurement and before each product of its spectrum. It may
    /// throw to leave the measurement; the next one is none the worse for it.
    void call_between_parts(std::function<void()> between) { between_ = std::move(between); }

    [[nodiscard]] const Labels& labels() const { return labels_; }

  private:
    struct Workspace;
    struct Scale {
        double up_words, up_contexts;               ///< what W and H were multiplied by
        double sparse_rounding, low_rank_rounding;  ///< what rounding makes of parts that are 0, as scaled
    };
    [[nodiscard]] LossStep& loss_step();
    void measure_loss(Figures& figures, double ridge);
    void take(Figures& figures, const LossPass& pass);
    void measure_supports(Figures& figures, const Scale& scale);
    ClassSums scatter_classes(const Place& place);

    Backend& backend_;
    const Dataset& dataset_;
    Labels labels_;
    SupportProxy proxy_;
    Directions directions_;
    std::optional<LimitGeometry> limit_;
    SupportClasses classes_;
    Array class_indptr_, class_members_;  // as ClassesView has them
    double entropy_ = 0;
    std::unique_ptr<Workspace> work_;
    std::function<void()> between_;
};

}  // namespace ntpgeo
