#include "engine/data/counting.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "engine/require.hpp"

namespace ntpgeo {
namespace {

constexpr std::uint32_t no_number = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t first_slots = 1024;

using Tokens = std::span<const std::int32_t>;

std::uint64_t hash_context(Tokens context) {
    __extension__ using Wide = unsigned __int128;
    std::uint64_t hash = 0x9E3779B97F4A7C15U;
    for (const std::int32_t token : context) {
        const Wide product =
            static_cast<Wide>(hash ^ static_cast<std::uint32_t>(token)) * 0xD6E8FEB86659FD93U;
        hash = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    return hash;
}

/// Distinct contexts, numbered in order of first appearance. A context is known by the place where it first
/// stood, so its memory does not grow with its length.
class ContextTable {
  public:
    ContextTable(Tokens ids, std::int64_t context_length) : ids_(ids), length_(context_length) {
        slots_.assign(first_slots, Slot{0, no_number});
    }

    /// Counts the context that begins at `position` and returns its number.
    std::uint32_t count(std::int64_t position) {
        if (2 * (totals_.size() + 1) > slots_.size()) grow();
        const Tokens context = at(position);
        const std::uint64_t hash = hash_context(context);
        const auto tag = static_cast<std::uint32_t>(hash >> 32);
        const std::size_t mask = slots_.size() - 1;
        std::size_t place = hash & mask;
        for (; slots_[place].number != no_number; place = (place + 1) & mask) {
            const std::uint32_t number = slots_[place].number;
            if (slots_[place].tag == tag && std::ranges::equal(context, tokens(number))) {
                ++totals_[number];
                return number;
            }
        }
        if (totals_.size() == no_number)
            throw InputError("the text holds more than 4294967294 distinct contexts");
        const auto number = static_cast<std::uint32_t>(totals_.size());
        slots_[place] = {tag, number};
        positions_.push_back(position);
        totals_.push_back(1);
        return number;
    }

    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(totals_.size()); }
    [[nodiscard]] std::int64_t total(std::uint32_t number) const { return totals_[number]; }
    [[nodiscard]] Tokens tokens(std::uint32_t number) const { return at(positions_[number]); }

  private:
    struct Slot {
        std::uint32_t tag, number;
    };

    [[nodiscard]] Tokens at(std::int64_t position) const { return ids_.subspan(position, length_); }

    void grow() {
        slots_.assign(2 * slots_.size(), Slot{0, no_number});
        const std::size_t mask = slots_.size() - 1;
        for (std::uint32_t number = 0; number < totals_.size(); ++number) {
            const std::uint64_t hash = hash_context(tokens(number));
            std::size_t place = hash & mask;
            while (slots_[place].number != no_number) place = (place + 1) & mask;
            slots_[place] = {static_cast<std::uint32_t>(hash >> 32), number};
        }
    }

    Tokens ids_;
    std::int64_t length_;
    std::vector<Slot> slots_;  ///< open addressing; a power of two, at most half full
    std::vector<std::int64_t> positions_, totals_;
};

/// Calls visit(position) for every window that holds no −1; returns the number of all windows.
template <class Visit>
std::int64_t for_each_window(Tokens ids, std::span<const std::int64_t> document_ends,
                             std::int64_t context_length, Visit visit) {
    std::int64_t seen = 0;
    std::int64_t document = 0;
    for (const std::int64_t end : document_ends) {
        seen += std::max<std::int64_t>(0, end - document - context_length);
        std::int64_t clean_from = document;  // no −1 since here
        for (std::int64_t next = document; next < end; ++next) {
            if (ids[next] < 0) {
                clean_from = next + 1;
            } else if (next - clean_from >= context_length) {
                visit(next - context_length);
            }
        }
        document = end;
    }
    return seen;
}

/// Numbers of the contexts that stay, in the order of the dataset.
std::vector<std::uint32_t> select_contexts(const ContextTable& table, const NgramOptions& options) {
    std::vector<std::uint32_t> kept;
    for (std::uint32_t number = 0; number < table.size(); ++number) {
        if (table.total(number) >= options.min_count) kept.push_back(number);
    }
    const auto comes_first = [&](std::uint32_t a, std::uint32_t b) {
        if (table.total(a) != table.total(b)) return table.total(a) > table.total(b);
        return std::ranges::lexicographical_compare(table.tokens(a), table.tokens(b));
    };
    if (options.max_contexts && *options.max_contexts < static_cast<std::int64_t>(kept.size())) {
        std::nth_element(kept.begin(), kept.begin() + *options.max_contexts, kept.end(), comes_first);
        kept.resize(*options.max_contexts);
    }
    std::sort(kept.begin(), kept.end(), comes_first);
    return kept;
}

/// Appends the distinct tokens of `next` with their counts to the dataset, by id ascending.
/// `count_of` [V] is all zero before and after.
void append_support(Tokens next, std::vector<std::int64_t>& count_of, Dataset& dataset) {
    const std::size_t begin = dataset.indices.size();
    for (const std::int32_t token : next) {
        if (count_of[token]++ == 0) dataset.indices.push_back(token);
    }
    std::sort(dataset.indices.begin() + static_cast<std::ptrdiff_t>(begin), dataset.indices.end());
    for (std::size_t i = begin; i < dataset.indices.size(); ++i) {
        std::int64_t& count = count_of[dataset.indices[i]];
        dataset.counts.push_back(count);
        dataset.probs.push_back(static_cast<double>(count) / static_cast<double>(next.size()));
        count = 0;
    }
    dataset.indptr.push_back(static_cast<std::int64_t>(dataset.indices.size()));
}

void check_options(const NgramOptions& options) {
    require_at_least_one(options.context_length, "context length");
    require_at_least_one(options.min_count, "least count of a context");
    if (options.max_contexts) require_at_least_one(*options.max_contexts, "number of contexts");
}

void check_windows(const NgramDataset& result, std::span<const std::int64_t> document_ends,
                   std::int64_t length, std::int64_t vocab_size) {
    if (result.windows_seen == 0) {
        std::int64_t longest = 0;
        std::int64_t begin = 0;
        for (const std::int64_t end : document_ends) {
            longest = std::max(longest, end - begin);
            begin = end;
        }
        throw InputError(
            fmt::format("the text is too short: a context of {0} and its next token need a document of more "
                        "than {0} tokens, and "
                        "the longest has {1}",
                        length, longest));
    }
    if (result.windows_counted == 0) {
        throw InputError(fmt::format(
            "no context is left: each of the {} windows holds a token outside the vocabulary of {}",
            result.windows_seen, vocab_size));
    }
}

}  // namespace

NgramDataset count_ngrams(std::span<const std::int32_t> ids, std::span<const std::int64_t> document_ends,
                          std::vector<std::string> vocabulary, const NgramOptions& options) {
    check_options(options);
    const std::int64_t length = options.context_length;
    NgramDataset result;

    ContextTable table(ids, length);
    std::vector<std::uint32_t> context_of;  // of each counted window, in the order of the text
    context_of.reserve(ids.size());
    result.windows_seen = for_each_window(ids, document_ends, length, [&](std::int64_t position) {
        context_of.push_back(table.count(position));
    });
    result.windows_counted = static_cast<std::int64_t>(context_of.size());
    result.contexts_seen = table.size();
    check_windows(result, document_ends, length, static_cast<std::int64_t>(vocabulary.size()));

    const std::vector<std::uint32_t> kept = select_contexts(table, options);
    if (kept.empty()) {
        std::int64_t most = 0;
        for (std::uint32_t number = 0; number < table.size(); ++number)
            most = std::max(most, table.total(number));
        throw InputError(fmt::format("no context is left: none occurs {} times, the most frequent one {}",
                                     options.min_count, most));
    }

    // The next tokens, gathered context by context (a counting sort): row r begins at place[r] once filled.
    const auto rows = static_cast<std::int64_t>(kept.size());
    std::vector<std::uint32_t> row_of(table.size(), no_number);
    std::vector<std::int64_t> place(rows + 1, 0);
    for (std::int64_t row = 0; row < rows; ++row) {
        row_of[kept[row]] = static_cast<std::uint32_t>(row);
        place[row + 1] = place[row] + table.total(kept[row]);
    }
    result.windows_kept = place[rows];
    std::vector<std::int32_t> next(place[rows]);
    std::vector<std::int64_t> fill(place.begin(), place.end() - 1);
    std::int64_t window = 0;
    for_each_window(ids, document_ends, length, [&](std::int64_t position) {
        const std::uint32_t row = row_of[context_of[window++]];
        if (row != no_number) next[fill[row]++] = ids[position + length];
    });

    Dataset& dataset = result.dataset;
    dataset.vocab_size = static_cast<std::int64_t>(vocabulary.size());
    dataset.vocab = std::move(vocabulary);
    dataset.context_length = length;
    dataset.indptr.push_back(0);
    std::vector<std::int64_t> count_of(dataset.vocab_size, 0);
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t total = place[row + 1] - place[row];
        append_support(Tokens(next).subspan(place[row], total), count_of, dataset);
        const Tokens context = table.tokens(kept[row]);
        dataset.context_tokens.insert(dataset.context_tokens.end(), context.begin(), context.end());
        dataset.context_probs.push_back(options.weights == ContextWeights::uniform
                                            ? 1.0 / static_cast<double>(rows)
                                            : static_cast<double>(total) / static_cast<double>(place[rows]));
    }
    return result;
}

}  // namespace ntpgeo
