// From token ids to a dataset: windows of N context tokens and the next one, counted exactly (design 2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// How a context weighs in the loss: by its count among the kept ones, or all alike.
enum class ContextWeights { empirical, uniform };

struct NgramOptions {
    std::int64_t context_length = 2;  ///< N, tokens a context
    std::int64_t min_count = 1;       ///< contexts seen less often are dropped
    std::optional<std::int64_t> max_contexts =
        std::nullopt;  ///< M: of the others, the most frequent; all where empty
    ContextWeights weights = ContextWeights::empirical;
};

/// A dataset and what was kept on the way to it.
struct NgramDataset {
    Dataset dataset;
    std::int64_t windows_seen = 0;     ///< every window that fits into a document
    std::int64_t windows_counted = 0;  ///< of those, the ones with no token outside the vocabulary
    std::int64_t windows_kept = 0;     ///< of those, the ones whose context was kept
    std::int64_t contexts_seen = 0;    ///< distinct contexts among the counted windows
};

/// Counts every window of `ids` [T] (vocabulary ids, −1: outside) that lies in one document; document i is
/// ids[document_ends[i−1] .. document_ends[i]). Contexts with a total below min_count are dropped, then all
/// but the max_contexts most frequent (ties by token ids, lexicographic); the dataset keeps that order. p =
/// count / total; weights total / Σ totals kept, or 1/m. `vocabulary` [V] becomes the dataset's. Exact and
/// independent of any hash order. Memory besides the input: 8 bytes a token, about 50 a distinct context.
/// Throws InputError for an option below 1, and where no window or no context is left, with the reason.
NgramDataset count_ngrams(std::span<const std::int32_t> ids, std::span<const std::int64_t> document_ends,
                          std::vector<std::string> vocabulary, const NgramOptions& options);

}  // namespace ntpgeo
