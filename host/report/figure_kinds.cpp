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
         Scale::logarithmic,
         false,
         {{"dominance", "dominance", "the dominance"}}},
        {"in-support-error",
         "In-support error",
         "‖P_{F}(L) − L_{in}‖ / ‖L_{in}‖",
         "Relative distance ‖P_{F}(L) − L_{in}‖_{F} / ‖L_{in}‖_{F} of the sparse part of the centred logits "
         "from its closed-form "
         "limit: on the support of context j, L_{in} is log p_{j} less its mean there.",
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
         Scale::logarithmic,
         false,
         {{"collapse", "collapse", "the collapse"}}},
        {"class-cosine",
         "Class cosine",
         "mean pairwise cosine",
         "Mean, over the support classes of at least two contexts, of the mean pairwise cosine of their "
         "context embeddings "
         "h_{j}. The axis is logarithmic in 1 − cosine.",
         Scale::nines,
         false,
         {{"class_cosine", "class cosine", "the class cosine"}}},
        {"margin",
         "Least margin",
         "logit units",
         "Least margin over the contexts: the smallest logit on the support S_{j} less the largest off it. "
         "Once it is "
         "positive, in every context every token of the support outranks every other token.",
         Scale::linear,
         false,
         {{"min_margin", "least margin", "the least margin"}}},
        {"singular-values",
         "Singular values of P_{⊥}(L)",
         "σ_{1} … σ_{16}",
         "The largest singular values, at most 16, of the low-rank part P_{⊥}(L) of the centred logits, "
         "σ_{1} in the strongest "
         "tone.",
         Scale::logarithmic,
         false,
         {{"singular_values", "singular values", "the singular values of P_{⊥}(L)"}}},
        {"stable-rank",
         "Stable rank of P_{⊥}(L)",
         "‖P_{⊥}(L)‖² / σ_{1}²",
         "Stable rank ‖P_{⊥}(L)‖_{F}² / σ_{1}² of the low-rank part of the centred logits, a lower bound of "
         "its rank.",
         Scale::linear,
         false,
         {{"stable_rank", "stable rank", "the stable rank of P_{⊥}(L)"}}},
        {"gradient",
         "Gradient norm",
         "Frobenius norm",
         "Norm of the gradient of the whole objective, λ included, with respect to W and H together.",
         Scale::logarithmic,
         false,
         {{"grad_norm", "gradient norm", "the gradient norm"}}},
        {"relative-gap",
         "Certified relative gap",
         "(objective − bound) / (objective − H)",
         "Relative gap (objective − bound) / (objective − H) to a lower bound of the global optimum by "
         "convex duality, at the "
         "records where it was evaluated.",
         Scale::logarithmic,
         false,
         {{"relative_gap", "relative gap", "the certified relative gap"}}},
    };
    return kinds;
}

}  // namespace ntpgeo
