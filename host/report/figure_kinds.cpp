#include "host/report/catalogue.hpp"

namespace ntpgeo {

const std::vector<FigureKind>& figure_kinds() {
    static const std::vector<FigureKind> kinds = {
        {"excess",
         "Excess loss",
         "CE − H, nats",
         "Excess loss CE − H: the mean over contexts, weighted by π_{j}, of KL(p_{j} ‖ q_{j}) from the "
         "empirical to the "
         "modelled next-token distribution. It is 0 exactly where the model reproduces every p_{j}.",
         Subject::training,
         Scale::logarithmic,
         false,
         {{"excess_loss", "excess loss", "the excess loss"}}},
        {"norms",
         "Sparse and low-rank norm",
         "Frobenius norm",
         "Frobenius norms of the two orthogonal parts of the centred logits: the sparse part P_{F}(L), whose "
         "limit L_{in} the "
         "data give in closed form, and the low-rank part P_{⊥}(L), which diverges as λ → 0 or as "
         "unregularised training "
         "goes on.",
         Subject::training,
         Scale::linear,
         true,
         {{"low_rank_norm", "low-rank", "the low-rank norm"}, {"sparse_norm", "sparse", "the sparse norm"}}},
        {"dominance",
         "Dominance",
         "‖P_{⊥}(L)‖ / ‖P_{F}(L)‖",
         "Dominance: the ratio ‖P_{⊥}(L)‖_{F} / ‖P_{F}(L)‖_{F} of the low-rank to the sparse part of the "
         "centred logits. Above 1 "
         "the low-rank part, which knows only which tokens follow a context and not how often, has the "
         "greater norm.",
         Subject::training,
         Scale::logarithmic,
         false,
         {{"dominance", "dominance", "the dominance"}}},
        {"in-support-error",
         "In-support error",
         "‖P_{F}(L) − L_{in}‖ / ‖L_{in}‖",
         "Relative distance ‖P_{F}(L) − L_{in}‖_{F} / ‖L_{in}‖_{F} of the sparse part of the centred logits "
         "from its closed-form "
         "limit: on the support of context j, L_{in} is log p_{j} less its mean there.",
         Subject::training,
         Scale::logarithmic,
         false,
         {{"in_support_error", "in-support error", "the in-support error"}}},
        {"alignments",
         "Alignment of the low-rank part",
         "cosine",
         "Cosine between the low-rank part P_{⊥}(L) of the centred logits and the centred support matrix "
         "S\u0303 (the proxy of "
         "its direction), and the NTP-SVM solution L_{mm} (the direction itself) where the run was given "
         "one. The axis is "
         "logarithmic in 1 − cosine.",
         Subject::training,
         Scale::nines,
         false,
         {{"alignment_proxy", "with S\u0303", "the cosine of P_{⊥}(L) with S\u0303"},
          {"alignment_limit", "with L_{mm}", "the cosine of P_{⊥}(L) with L_{mm}"}}},
        {"gram-alignments",
         "Alignment of the Gram matrices",
         "cosine",
         "Cosine of the words' Gram matrix, rows of W centred, with (S\u0303S\u0303ᵀ)^{1/2}, and of the "
         "contexts' Gram matrix with "
         "(S\u0303ᵀS\u0303)^{1/2}; with UΣUᵀ and VΣVᵀ of L_{mm} = UΣVᵀ where the run was given it. The axis "
         "is logarithmic in "
         "1 − cosine.",
         Subject::training,
         Scale::nines,
         false,
         {{"words_gram_proxy", "words, S\u0303",
           "the cosine of the words’ Gram matrix with (S\u0303S\u0303ᵀ)^{1/2}"},
          {"contexts_gram_proxy", "contexts, S\u0303",
           "the cosine of the contexts’ Gram matrix with (S\u0303ᵀS\u0303)^{1/2}"},
          {"words_gram_limit", "words, L_{mm}", "the cosine of the words’ Gram matrix with that of L_{mm}"},
          {"contexts_gram_limit", "contexts, L_{mm}",
           "the cosine of the contexts’ Gram matrix with that of L_{mm}"}}},
        {"collapse",
         "Subspace collapse",
         "within-class / total energy",
         "Subspace collapse: the within-class share of the energy of the columns of P_{⊥}(L), over the "
         "support classes of at "
         "least two contexts. It is 0 where contexts with one support set have one and the same column.",
         Subject::training,
         Scale::logarithmic,
         false,
         {{"collapse", "collapse", "the collapse"}}},
        {"class-cosine",
         "Class cosine",
         "mean pairwise cosine",
         "Mean, over the support classes of at least two contexts, of the mean pairwise cosine of their "
         "context embeddings "
         "h_{j}. The axis is logarithmic in 1 − cosine.",
         Subject::training,
         Scale::nines,
         false,
         {{"class_cosine", "class cosine", "the class cosine"}}},
        {"margin",
         "Least margin",
         "logit units",
         "Least margin over the contexts: the smallest logit on the support S_{j} less the largest off it. "
         "Once it is "
         "positive, in every context every token of the support outranks every other token.",
         Subject::training,
         Scale::linear,
         false,
         {{"min_margin", "least margin", "the least margin"}}},
        {"singular-values",
         "Singular values of P_{⊥}(L)",
         "σ_{1} … σ_{16}",
         "The largest singular values, at most 16, of the low-rank part P_{⊥}(L) of the centred logits, "
         "σ_{1} in the strongest "
         "tone.",
         Subject::training,
         Scale::logarithmic,
         false,
         {{"singular_values", "σ", "the singular values of P_{⊥}(L)"}}},
        {"directions",
         "Strength of S\u0303’s directions",
         "u_{k}ᵀ P_{⊥}(L) v_{k}",
         "What the low-rank part has along the leading singular directions of the centred support matrix: "
         "σ_{k} = u_{k}ᵀ P_{⊥}(L) v_{k}, with u_{k}, v_{k} the k-th singular vectors of S\u0303. The order "
         "in "
         "which they rise is the order in which the concepts that they stand for are learned.",
         Subject::training,
         Scale::linear,
         false,
         {{"direction_strengths", "σ", "the strengths of S\u0303’s directions"}}},
        {"stable-rank",
         "Stable rank of P_{⊥}(L)",
         "‖P_{⊥}(L)‖² / σ_{1}²",
         "Stable rank ‖P_{⊥}(L)‖_{F}² / σ_{1}² of the low-rank part of the centred logits, a lower bound of "
         "its rank.",
         Subject::training,
         Scale::linear,
         false,
         {{"stable_rank", "stable rank", "the stable rank of P_{⊥}(L)"}}},
        {"gradient",
         "Gradient norm",
         "Frobenius norm",
         "Norm of the gradient of the whole objective, λ included, with respect to W and H together.",
         Subject::training,
         Scale::logarithmic,
         false,
         {{"grad_norm", "gradient norm", "the gradient norm"}}},
        {"relative-gap",
         "Certified relative gap",
         "(objective − bound) / (objective − H)",
         "Relative gap (objective − bound) / (objective − H) to a lower bound of the global optimum by "
         "convex "
         "duality, at the records where it was evaluated.",
         Subject::training,
         Scale::logarithmic,
         false,
         {{"relative_gap", "relative gap", "the certified relative gap"}},
         true},
        {"dominance-norm",
         "Dominance at equal norm",
         "‖P_{⊥}(L)‖ / ‖P_{F}(L)‖",
         "Dominance against the norm of the centred logits, ‖L‖_{F}² = ‖P_{F}(L)‖_{F}² + ‖P_{⊥}(L)‖_{F}². "
         "Runs "
         "are compared where their logits are equally large, however many steps or whatever λ led there.",
         Subject::norm,
         Scale::logarithmic,
         false,
         {{"dominance", "dominance", "the dominance"}}},
        {"alignment-limit-norm",
         "Alignment with L_{mm} at equal norm",
         "cosine",
         "Cosine between P_{⊥}(L) and the NTP-SVM solution L_{mm} against the norm of the centred logits, "
         "for "
         "the runs that were given L_{mm}. The axis is logarithmic in 1 − cosine.",
         Subject::norm,
         Scale::nines,
         false,
         {{"alignment_limit", "with L_{mm}", "the cosine of P_{⊥}(L) with L_{mm}"}}},
        {"alignment-proxy-norm",
         "Alignment with S\u0303 at equal norm",
         "cosine",
         "Cosine between P_{⊥}(L) and the centred support matrix S\u0303 against the norm of the centred "
         "logits. The axis is logarithmic in 1 − cosine.",
         Subject::norm,
         Scale::nines,
         false,
         {{"alignment_proxy", "with S\u0303", "the cosine of P_{⊥}(L) with S\u0303"}}},
        {"path-excess",
         "Excess loss along the path",
         "CE − H, nats",
         "Excess loss of the minimiser of CE(L) + λ‖L‖_{*}, the regularization path, at each λ; and of "
         "training "
         "runs with λ > 0 where they ended.",
         Subject::path,
         Scale::logarithmic,
         false,
         {{"excess_loss", "excess loss", "the excess loss"}}},
        {"path-dominance",
         "Dominance along the path",
         "‖P_{⊥}(L)‖ / ‖P_{F}(L)‖",
         "Dominance of the minimiser at each λ. It grows without bound as λ falls: the sparse part has a "
         "limit, "
         "the low-rank part has none.",
         Subject::path,
         Scale::logarithmic,
         false,
         {{"dominance", "dominance", "the dominance"}}},
        {"path-rank",
         "Rank along the path",
         "singular values above 10^{−6} σ_{1}",
         "Rank of the minimiser at each λ. A training run reaches this minimiser only with a dimension d "
         "that "
         "is at least as large.",
         Subject::path,
         Scale::linear,
         true,
         {{"rank", "rank", "the rank of the path’s points"}}},
        {"path-gap",
         "Certified relative gap along the path",
         "(objective − bound) / (objective − H)",
         "Relative gap (objective − bound) / (objective − H) between a point and a lower bound of the "
         "optimum at "
         "its λ, by convex duality.",
         Subject::path,
         Scale::logarithmic,
         false,
         {{"relative_gap", "relative gap", "the certified relative gap"}}},
        {"path-singular-values",
         "Singular values of P_{⊥}(L) along the path",
         "σ_{1} … σ_{16}",
         "The largest singular values, at most 16, of the low-rank part of the minimiser at each λ, σ_{1} in "
         "the "
         "strongest tone.",
         Subject::path,
         Scale::logarithmic,
         false,
         {{"singular_values", "σ", "the singular values of P_{⊥}(L)"}}},
        {"path-directions",
         "Strength of S\u0303’s directions along the path",
         "u_{k}ᵀ P_{⊥}(L) v_{k}",
         "What the low-rank part of the minimiser at each λ has along the leading singular directions u_{k}, "
         "v_{k} of the centred support matrix S\u0303.",
         Subject::path,
         Scale::linear,
         false,
         {{"direction_strengths", "σ", "the strengths of S\u0303’s directions"}}},
        {"limit-gap",
         "Certified relative gap of L_{mm}",
         "(value − bound) / value",
         "Relative gap between the nuclear norm of the best point so far and the lower bound on ‖L_{mm}‖_{*} "
         "that its certificate gives, at each certificate.",
         Subject::limit,
         Scale::logarithmic,
         false,
         {{"relative_gap", "relative gap", "the certified gap of L_{mm}"}}},
    };
    return kinds;
}

}  // namespace ntpgeo
