// A dataset drawn at random: support sets, contexts that share them, probabilities on them.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// How the contexts of a synthetic dataset weigh: all alike, or π_j ∝ 1/(j+1).
enum class SyntheticWeights { uniform, zipf };

struct SyntheticOptions {
    std::int64_t vocab_size = 50;  ///< V
    std::int64_t contexts = 200;   ///< m
    /// N distinct support sets; empty: 40, or all there are if fewer
    std::optional<std::int64_t> supports = std::nullopt;
    /// tokens a support; empty: 2 and 6, capped at V
    std::optional<std::int64_t> least_support = std::nullopt, most_support = std::nullopt;
    double dirichlet = 1.0;  ///< A: p_j ~ Dirichlet(A, ..., A) on the support
    std::uint64_t seed = 0;
    SyntheticWeights weights = SyntheticWeights::uniform;
};

/// N distinct support sets, contexts spread over them as evenly as m and N allow and in random order (with m
/// ≥ N every set is used), and on each context's support a Dirichlet variate. It depends on the options
/// alone.
///
/// N may be every subset there is (1.5: "every k-subset of [V]"): where N is more than half of them, all are
/// listed and N of those picked; otherwise a size is drawn uniformly and a subset of that size uniformly,
/// again where it was seen.
///
/// p is drawn as logarithms (Marsaglia and Tsang's gamma variates, with the boost u^{1/A}), so that a small A
/// does not underflow; an entry below 1e-280 of the context's largest is raised to that, which keeps p normal
/// and positive. Throws InputError for what cannot be: a size below 1, a support above V, more sets than
/// there are, A outside [1e-100, 1e100].
Dataset make_synthetic(const SyntheticOptions& options);

}  // namespace ntpgeo
