#include "engine/data/counting.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "engine/require.hpp"

namespace ntpgeo {
namespace {

std::int64_t windows_in(std::span<const std::int64_t> document_ends, std::int64_t length) {
    std::int64_t windows = 0, begin = 0;
    for (const std::int64_t end : document_ends) {
        windows += std::max<std::int64_t>(0, end - begin - length);
        begin = end;
    }
    return windows;
}

void check_options(const NgramOptions& options) {
    require_at_least_one(options.context_length, "context length");
    require_at_least_one(options.min_count, "least count of a context");
    if (options.max_contexts) require_at_least_one(*options.max_contexts, "number of contexts");
}

[[noreturn]] void refuse_short_text(std::span<const std::int64_t> document_ends, std::int64_t length) {
    std::int64_t longest = 0, begin = 0;
    for (const std::int64_t end : document_ends) {
        longest = std::max(longest, end - begin);
        begin = end;
    }
    throw InputError(
        fmt::format("the text is too short: a context of {0} and its next token need a document of more "
                    "than {0} tokens, and the longest has {1}",
                    length, longest));
}

}  // namespace

NgramDataset count_ngrams(CountingOperations& counting, const TokenSequence& ids,
                          std::span<const std::int64_t> document_ends, std::vector<std::string> vocabulary,
                          const NgramOptions& options, const CountingMeans& means) {
    check_options(options);
    NgramDataset result;
    Dataset& dataset = result.dataset;
    dataset.vocab_size = static_cast<std::int64_t>(vocabulary.size());
    dataset.vocab = std::move(vocabulary);
    dataset.context_length = options.context_length;
    result.windows_seen = windows_in(document_ends, options.context_length);
    if (result.windows_seen == 0) refuse_short_text(document_ends, options.context_length);

    constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
    WindowCounts counts = counting.count_windows({ids, document_ends, dataset.vocab_size},
                                                 {.context_length = options.context_length,
                                                  .min_count = options.min_count,
                                                  .most_contexts = options.max_contexts.value_or(all),
                                                  .means = means});
    result.windows_counted = counts.windows;
    result.contexts_seen = counts.contexts;
    result.entropy_counted = counts.entropy;
    if (counts.windows == 0)
        throw InputError(fmt::format(
            "no context is left: each of the {} windows holds a token outside the vocabulary of {}",
            result.windows_seen, dataset.vocab_size));
    const std::int64_t rows = static_cast<std::int64_t>(counts.indptr.size()) - 1;
    if (rows == 0)
        throw InputError(fmt::format("no context is left: none occurs {} times, the most frequent one {}",
                                     options.min_count, counts.most));

    dataset.context_tokens = std::move(counts.context_tokens);
    dataset.indptr = std::move(counts.indptr);
    dataset.indices = std::move(counts.next);
    dataset.counts = std::move(counts.counts);
    std::vector<std::int64_t> totals;
    totals.reserve(rows);
    dataset.probs.reserve(dataset.counts.size());
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::span<const std::int64_t> of_row =
            std::span(dataset.counts)
                .subspan(dataset.indptr[row], dataset.indptr[row + 1] - dataset.indptr[row]);
        totals.push_back(std::accumulate(of_row.begin(), of_row.end(), std::int64_t{0}));
        for (const std::int64_t count : of_row)
            dataset.probs.push_back(static_cast<double>(count) / static_cast<double>(totals.back()));
    }
    const std::vector<double> entropies = context_entropies(dataset.indptr, dataset.probs);
    for (std::int64_t row = 0; row < rows; ++row)
        result.entropy_kept += static_cast<double>(totals[row]) * entropies[row];
    result.windows_kept = std::accumulate(totals.begin(), totals.end(), std::int64_t{0});
    result.entropy_kept /= static_cast<double>(result.windows_kept);
    for (const std::int64_t total : totals)
        dataset.context_probs.push_back(options.weights == ContextWeights::uniform
                                            ? 1.0 / static_cast<double>(rows)
                                            : static_cast<double>(total) /
                                                  static_cast<double>(result.windows_kept));
    return result;
}

}  // namespace ntpgeo
