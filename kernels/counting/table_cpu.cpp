#include <algorithm>
#include <cstddef>
#include <limits>

#include "kernels/counting/table_cpu.hpp"

namespace ntpgeo::counting_cpu {
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

/// Calls visit(position) for every window that lies in one document and holds no −1.
template <class Visit>
void for_each_window(Tokens ids, std::span<const std::int64_t> document_ends, std::int64_t context_length,
                     Visit visit) {
    std::int64_t document = 0;
    for (const std::int64_t end : document_ends) {
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
}

/// Numbers of the contexts that stay, in the order of the dataset.
std::vector<std::uint32_t> select_contexts(const ContextTable& table, const WindowOptions& options) {
    std::vector<std::uint32_t> kept;
    for (std::uint32_t number = 0; number < table.size(); ++number) {
        if (table.total(number) >= options.min_count) kept.push_back(number);
    }
    const auto comes_first = [&](std::uint32_t a, std::uint32_t b) {
        if (table.total(a) != table.total(b)) return table.total(a) > table.total(b);
        return std::ranges::lexicographical_compare(table.tokens(a), table.tokens(b));
    };
    if (options.most_contexts < static_cast<std::int64_t>(kept.size())) {
        std::nth_element(kept.begin(), kept.begin() + options.most_contexts, kept.end(), comes_first);
        kept.resize(options.most_contexts);
    }
    std::sort(kept.begin(), kept.end(), comes_first);
    return kept;
}

/// Appends the distinct tokens of `next` with their counts, by id ascending, as a row. `count_of` [V] is all
/// zero before and after.
void append_row(Tokens next, std::vector<std::int64_t>& count_of, WindowCounts& result) {
    const std::size_t begin = result.next.size();
    for (const std::int32_t token : next) {
        if (count_of[token]++ == 0) result.next.push_back(token);
    }
    std::sort(result.next.begin() + static_cast<std::ptrdiff_t>(begin), result.next.end());
    for (std::size_t i = begin; i < result.next.size(); ++i) {
        std::int64_t& count = count_of[result.next[i]];
        result.counts.push_back(count);
        count = 0;
    }
    result.indptr.push_back(static_cast<std::int64_t>(result.next.size()));
}

}  // namespace

WindowCounts count_by_table(const TextIds& text, const WindowOptions& options) {
    const std::int64_t length = options.context_length;
    std::vector<std::int32_t> ids(static_cast<std::size_t>(text.ids.size()));
    text.ids.read(0, ids);
    ContextTable table(ids, length);
    std::vector<std::uint32_t> context_of;  // of each window, in the order of the text
    context_of.reserve(ids.size());
    for_each_window(ids, text.document_ends, length,
                    [&](std::int64_t position) { context_of.push_back(table.count(position)); });
    WindowCounts result;
    result.windows = static_cast<std::int64_t>(context_of.size());
    result.contexts = table.size();
    for (std::uint32_t number = 0; number < table.size(); ++number)
        result.most = std::max(result.most, table.total(number));

    // The next tokens, gathered context by context (a counting sort): row r begins at place[r] once filled.
    const std::vector<std::uint32_t> kept = select_contexts(table, options);
    const auto rows = static_cast<std::int64_t>(kept.size());
    std::vector<std::uint32_t> row_of(table.size(), no_number);
    std::vector<std::int64_t> place(rows + 1, 0);
    for (std::int64_t row = 0; row < rows; ++row) {
        row_of[kept[row]] = static_cast<std::uint32_t>(row);
        place[row + 1] = place[row] + table.total(kept[row]);
    }
    std::vector<std::int32_t> next(place[rows]);
    std::vector<std::int64_t> fill(place.begin(), place.end() - 1);
    std::int64_t window = 0;
    for_each_window(ids, text.document_ends, length, [&](std::int64_t position) {
        const std::uint32_t row = row_of[context_of[window++]];
        if (row != no_number) next[fill[row]++] = ids[position + length];
    });

    result.indptr.push_back(0);
    std::vector<std::int64_t> count_of(text.vocab_size, 0);
    for (std::int64_t row = 0; row < rows; ++row) {
        append_row(Tokens(next).subspan(place[row], place[row + 1] - place[row]), count_of, result);
        const Tokens context = table.tokens(kept[row]);
        result.context_tokens.insert(result.context_tokens.end(), context.begin(), context.end());
    }
    return result;
}

}  // namespace ntpgeo::counting_cpu
