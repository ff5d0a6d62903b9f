// The table's first part: what FigureMeter measures, and the figures that show it along training. A new
// figure is a member of Figures, its computation, and what stands here.
#include "engine/geometry/figure_table.hpp"
#include "engine/geometry/figures.hpp"

namespace ntpgeo {
namespace {

ValueKind kind_of(const FigureMember& member) {
    if (std::holds_alternative<std::string Figures::*>(member)) return ValueKind::text;
    const bool list = std::holds_alternative<std::vector<double> Figures::*>(member);
    return list ? ValueKind::numbers : ValueKind::number;
}

RecordKey measured(std::string_view name, FigureMember member, std::string_view meaning,
                   std::string_view range, std::string_view null_where = "", Drawn drawn = {},
                   Told told = {}) {
    return {name,
            train_verb | analyze_verb | path_verb,
            kind_of(member),
            meaning,
            range,
            null_where,
            drawn,
            told,
            member};
}

}  // namespace

// The order is that of a record.
std::vector<RecordKey> measured_keys() {
    using F = Figures;
    return {
        measured("loss", &F::loss, "CE, the cross-entropy", "nats"),
        measured("entropy", &F::entropy, "the entropy of the labels, CE's lower bound", "nats", "", {},
                 {"Entropy <i>H</i>, nats", 6}),
        measured("excess_loss", &F::excess_loss,
                 "CE minus the entropy of the labels, its lower bound; free of cancellation down to 1e-12 "
                 "and below",
                 "nats, ≥ 0", "", {"excess loss", "the excess loss"}, {"Excess loss", 4}),
        measured("off_support_mass", &F::off_support_mass, "probability on words that never follow",
                 "0 to 1"),
        measured("grad_norm", &F::grad_norm,
                 "norm of the gradient of the objective with its ridge (under `adamw`, which has none, of "
                 "CE), over W and H",
                 "≥ 0", "", {"gradient norm", "the gradient norm"}),
        measured("words_grad_norm", &F::words_grad_norm,
                 "the same over W alone: where H is frozen, this is what goes to 0", "≥ 0"),
        measured("contexts_grad_norm", &F::contexts_grad_norm,
                 "the same over H alone: where W is frozen, this is what goes to 0", "≥ 0"),
        measured("words_norm", &F::words_norm, "‖W‖, of W as it is", "≥ 0"),
        measured("contexts_norm", &F::contexts_norm, "‖H‖", "≥ 0"),
        measured("sparse_norm", &F::sparse_norm, "‖P_F(L)‖, the sparse part", "≥ 0", "",
                 {"sparse", "the sparse norm"}),
        measured("low_rank_norm", &F::low_rank_norm, "‖P_⊥(L)‖, the low-rank part", "≥ 0", "",
                 {"low-rank", "the low-rank norm"}),
        measured("dominance", &F::dominance, "‖P_⊥(L)‖ over ‖P_F(L)‖, which grows without bound", "≥ 0",
                 "P_F(L) is 0", {"dominance", "the dominance"}, {"Dominance", 4}),
        measured("in_support_error", &F::in_support_error,
                 "how far P_F(L) is from its limit, which the label frequencies fix, relative to that", "≥ 0",
                 "that limit is 0", {"in-support error", "the in-support error"}),
        measured("alignment_proxy", &F::alignment_proxy,
                 "cosine of P_⊥(L) with S̃, the centred support matrix", "−1 to 1", "one of the two is 0",
                 {"with S\u0303", "the cosine of P_{⊥}(L) with S\u0303"}, {"Alignment with S\u0303", 6}),
        measured("alignment_limit", &F::alignment_limit,
                 "cosine of P_⊥(L) with L_mm, where `--limit` gives its folder", "−1 to 1",
                 "there is no L_mm, or one of the two is 0",
                 {"with L_{mm}", "the cosine of P_{⊥}(L) with L_{mm}"}, {"with <i>L</i><sub>mm</sub>", 6}),
        measured("min_margin", &F::min_margin, "the least gap between a supported and an unsupported logit",
                 "logits", "every support is the whole vocabulary", {"least margin", "the least margin"},
                 {"Least margin", 4}),
        measured("collapse", &F::collapse,
                 "within-class over total energy of P_⊥(L)'s columns (0 = collapsed), over the support "
                 "classes of two contexts or more",
                 "0 to 1", "there is no such class, or P_⊥(L) is 0 on all", {"collapse", "the collapse"},
                 {"Collapse", 4}),
        measured("class_cosine", &F::class_cosine, "the mean cosine of embeddings within a support class",
                 "−1 to 1", "no class has two embeddings other than 0", {"class cosine", "the class cosine"}),
        measured("stable_rank", &F::stable_rank, "‖P_⊥(L)‖²/σ₁², σ₁ of `singular_values`", "≥ 1",
                 "P_⊥(L) is 0", {"stable rank", "the stable rank of P_{⊥}(L)"}),
        measured(
            "singular_values", &F::singular_values,
            "σ_k, the 16 largest of P_⊥(L), by block Krylov with residuals below 1e-10 σ₁, or those that "
            "a tenth of a step's operations reach",
            "a list, ≥ 0, falling", "", {"σ", "the singular values of P_{⊥}(L)", true}),
        measured("spectrum_residual", &F::spectrum_residual,
                 "what those residuals came to, relative to the same σ₁; 0 where the decomposition was dense",
                 "≥ 0"),
        measured("words_gram_proxy", &F::words_gram_proxy, "cosine of WWᵀ, rows of W centred, with (S̃S̃ᵀ)^½",
                 "0 to 1", "one of the two is 0, or no triplet of S̃ was found",
                 {"words, S\u0303", "the cosine of the words’ Gram matrix with (S\u0303S\u0303ᵀ)^{1/2}"}),
        measured(
            "contexts_gram_proxy", &F::contexts_gram_proxy, "cosine of HHᵀ with (S̃ᵀS̃)^½", "0 to 1",
            "one of the two is 0, or no triplet of S̃ was found",
            {"contexts, S\u0303", "the cosine of the contexts’ Gram matrix with (S\u0303ᵀS\u0303)^{1/2}"}),
        measured("words_gram_limit", &F::words_gram_limit, "cosine of WWᵀ with UΣUᵀ of L_mm = UΣVᵀ", "0 to 1",
                 "there is no L_mm, or one of the two is 0",
                 {"words, L_{mm}", "the cosine of the words’ Gram matrix with that of L_{mm}"}),
        measured("contexts_gram_limit", &F::contexts_gram_limit, "cosine of HHᵀ with VΣVᵀ of L_mm = UΣVᵀ",
                 "0 to 1", "there is no L_mm, or one of the two is 0",
                 {"contexts, L_{mm}", "the cosine of the contexts’ Gram matrix with that of L_{mm}"}),
        measured(
            "direction_strengths", &F::direction_strengths,
            "s_k = u_kᵀ P_⊥(L) v_k along the leading singular triplets of S̃, 16 at most: which of the data's "
            "directions have been learned. Where singular values of S̃ agree, only the sum over theirs "
            "means something",
            "a list", "", {"s", "the strengths of S\u0303’s directions"}),
        measured("words_rank", &F::words_rank,
                 "effective rank of W, rows centred: exp of the entropy of its squared singular values, "
                 "normalised to sum to 1",
                 "from 1 to min(V − 1, d)", "all rows of W agree",
                 {"effective rank", "the effective rank of W"}),
        measured("proxy_kind", &F::proxy_kind, "how S̃ was decomposed",
                 "`dense`, or `leading N` triplets, 64 at most"),
    };
}

std::vector<FigureKind> measured_figures() {
    return {
        {"excess",
         "Excess loss",
         "CE − H, nats",
         "Excess loss CE − H: the mean over contexts, weighted by π_{j}, of KL(p_{j} ‖ q_{j}) from the "
         "empirical to the modelled next-token distribution. It is 0 exactly where the model reproduces "
         "every p_{j}.",
         Across::step,
         Scale::logarithmic,
         {"excess_loss"}},
        {"norms",
         "Sparse and low-rank norm",
         "Frobenius norm",
         "Frobenius norms of the two orthogonal parts of the centred logits: the sparse part P_{F}(L), whose "
         "limit L_{in} the data give in closed form, and the low-rank part P_{⊥}(L), which diverges as λ → 0 "
         "or as unregularised training goes on.",
         Across::step,
         Scale::linear,
         {"low_rank_norm", "sparse_norm"},
         true},
        {"dominance",
         "Dominance",
         "‖P_{⊥}(L)‖ / ‖P_{F}(L)‖",
         "Dominance: the ratio ‖P_{⊥}(L)‖_{F} / ‖P_{F}(L)‖_{F} of the low-rank to the sparse part of the "
         "centred logits. Above 1 the low-rank part, which knows only which tokens follow a context and not "
         "how often, has the greater norm.",
         Across::step,
         Scale::logarithmic,
         {"dominance"}},
        {"in-support-error",
         "In-support error",
         "‖P_{F}(L) − L_{in}‖ / ‖L_{in}‖",
         "Relative distance ‖P_{F}(L) − L_{in}‖_{F} / ‖L_{in}‖_{F} of the sparse part of the centred logits "
         "from its closed-form limit: on the support of context j, L_{in} is log p_{j} less its mean there.",
         Across::step,
         Scale::logarithmic,
         {"in_support_error"}},
        {"alignments",
         "Alignment of the low-rank part",
         "cosine",
         "Cosine between the low-rank part P_{⊥}(L) of the centred logits and the centred support matrix "
         "S\u0303 (the proxy of its direction), and the NTP-SVM solution L_{mm} (the direction itself) where "
         "the run was given one. The axis is logarithmic in 1 − cosine.",
         Across::step,
         Scale::nines,
         {"alignment_proxy", "alignment_limit"}},
        {"gram-alignments",
         "Alignment of the Gram matrices",
         "cosine",
         "Cosine of the words' Gram matrix, rows of W centred, with (S\u0303S\u0303ᵀ)^{1/2}, and of the "
         "contexts' Gram matrix with (S\u0303ᵀS\u0303)^{1/2}; with UΣUᵀ and VΣVᵀ of L_{mm} = UΣVᵀ where the "
         "run was given it. The axis is logarithmic in 1 − cosine.",
         Across::step,
         Scale::nines,
         {"words_gram_proxy", "contexts_gram_proxy", "words_gram_limit", "contexts_gram_limit"}},
        {"collapse",
         "Subspace collapse",
         "within-class / total energy",
         "Subspace collapse: the within-class share of the energy of the columns of P_{⊥}(L), over the "
         "support classes of at least two contexts. It is 0 where contexts with one support set have one and "
         "the same column.",
         Across::step,
         Scale::logarithmic,
         {"collapse"}},
        {"class-cosine",
         "Class cosine",
         "mean pairwise cosine",
         "Mean, over the support classes of at least two contexts, of the mean pairwise cosine of their "
         "context embeddings h_{j}. The axis is logarithmic in 1 − cosine.",
         Across::step,
         Scale::nines,
         {"class_cosine"}},
        {"margin",
         "Least margin",
         "logit units",
         "Least margin over the contexts: the smallest logit on the support S_{j} less the largest off it. "
         "Once it is positive, in every context every token of the support outranks every other token.",
         Across::step,
         Scale::linear,
         {"min_margin"}},
        {"singular-values",
         "Singular values of P_{⊥}(L)",
         "σ_{1} … σ_{16}",
         "The largest singular values, at most 16, of the low-rank part P_{⊥}(L) of the centred logits, "
         "σ_{1} in the strongest tone.",
         Across::step,
         Scale::logarithmic,
         {"singular_values"}},
        {"directions",
         "Strength of S\u0303’s directions",
         "u_{k}ᵀ P_{⊥}(L) v_{k}",
         "What the low-rank part has along the leading singular directions of the centred support matrix: "
         "s_{k} = u_{k}ᵀ P_{⊥}(L) v_{k}, with u_{k}, v_{k} the singular vectors of S\u0303, k = 1 where its "
         "singular value is largest.",
         Across::step,
         Scale::linear,
         {"direction_strengths"},
         false,
         false,
         {},
         true},
        {"stable-rank",
         "Stable rank of P_{⊥}(L)",
         "‖P_{⊥}(L)‖² / σ_{1}²",
         "Stable rank ‖P_{⊥}(L)‖_{F}² / σ_{1}² of the low-rank part of the centred logits, a lower bound of "
         "its rank.",
         Across::step,
         Scale::linear,
         {"stable_rank"}},
        {"words-rank",
         "Effective rank of W",
         "exp of an entropy",
         "Effective rank of the centred word embeddings: exp of the entropy of their squared singular "
         "values, normalised to sum to 1. It counts the directions that W fills, each by its share of ‖W‖².",
         Across::step,
         Scale::linear,
         {"words_rank"}},
        {"gradient",
         "Gradient norm",
         "Frobenius norm",
         "Norm of the gradient of the whole objective, λ included, with respect to W and H together.",
         Across::step,
         Scale::logarithmic,
         {"grad_norm"}},
        {"relative-gap",
         "Certified relative gap",
         "(objective − bound) / (objective − H)",
         "Relative gap (objective − bound) / (objective − H) to a lower bound of the global optimum by "
         "convex duality, at the records where it was evaluated.",
         Across::step,
         Scale::logarithmic,
         {"relative_gap"},
         false,
         true},
    };
}

}  // namespace ntpgeo
