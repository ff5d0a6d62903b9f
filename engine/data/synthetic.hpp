// Data that is drawn at random: a dataset of support sets, contexts that share them and probabilities on
// them; and children's stories from a small grammar, a corpus in which many contexts share a support set.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/random/philox.hpp"

namespace ntpgeo {

/// One stream of Philox read in order. Two purposes take two streams, so that a change of one never shifts
/// the other.
class RandomSequence {
  public:
    RandomSequence(std::uint64_t seed, std::uint64_t stream) : random_(seed, stream) {}

    double uniform() { return random_.uniform(index_++); }
    double normal() { return random_.normal(index_++); }

    /// Uniform in [0, bound), bound ≥ 1, without the bias of a plain remainder.
    std::int64_t below(std::int64_t bound) {
        const auto range = static_cast<std::uint64_t>(bound);
        const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / range * range;
        std::uint64_t bits = random_.bits(index_++);
        while (bits >= limit) bits = random_.bits(index_++);
        return static_cast<std::int64_t>(bits % range);
    }

    /// A uniform permutation (Fisher and Yates).
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (auto i = static_cast<std::int64_t>(values.size()) - 1; i > 0; --i) {
            std::swap(values[i], values[below(i + 1)]);
        }
    }

  private:
    Philox random_;
    std::uint64_t index_ = 0;
};

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

/// What make_synthetic makes at most, and takes for it beside the data set, in bytes: the sets, each twice
/// while they are drawn, and the context's numbers. Throws InputError as it does.
struct SyntheticBound {
    DatasetBound dataset;
    double scratch;
    [[nodiscard]] std::int64_t bytes() const {
        return DatasetBound::capped(static_cast<double>(dataset.bytes()) + scratch);
    }
};
SyntheticBound bound_of(const SyntheticOptions& options);

/// `stories` short stories, one a line, in ASCII English; the same text for the same (stories, seed)
/// everywhere. Throws InputError where stories < 1.
std::string write_stories(std::int64_t stories, std::uint64_t seed);

}  // namespace ntpgeo
