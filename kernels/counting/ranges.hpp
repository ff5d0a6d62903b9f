// Rows of one range of contexts after another, put together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

#include "kernels/counting/counting.hpp"

namespace ntpgeo {

/// Adds the counts of further contexts, all of which come after those that `counts` has, by their tokens:
/// rows by falling count, equal ones in the order of the contexts, as many as `options` keep.
inline void add_rows(WindowCounts& counts, WindowCounts more, const WindowOptions& options) {
    more.windows += counts.windows;
    more.contexts += counts.contexts;
    more.most = std::max(more.most, counts.most);
    if (counts.indptr.size() == 1) {
        counts = std::move(more);
        return;
    }
    WindowCounts both;
    both.windows = more.windows;
    both.contexts = more.contexts;
    both.most = more.most;
    both.indptr = {0};
    struct Rows {
        const WindowCounts& of;
        std::int64_t at = 0;
        std::int64_t total = total_of(0);  ///< how often the next row's context was seen; 0: none is left

        void advance() { total = total_of(++at); }
        [[nodiscard]] std::int64_t total_of(std::int64_t row) const {
            if (row + 1 == static_cast<std::int64_t>(of.indptr.size())) return 0;
            return std::accumulate(of.counts.begin() + of.indptr[row], of.counts.begin() + of.indptr[row + 1],
                                   std::int64_t{0});
        }
    };
    Rows before{counts}, after{more};
    const std::int64_t length = options.context_length;
    while (static_cast<std::int64_t>(both.indptr.size()) <= options.most_contexts) {
        Rows& rows = after.total > before.total ? after : before;
        if (rows.total == 0) break;
        const WindowCounts& from = rows.of;
        const std::int64_t begin = from.indptr[rows.at], end = from.indptr[rows.at + 1];
        both.context_tokens.insert(both.context_tokens.end(), from.context_tokens.begin() + rows.at * length,
                                   from.context_tokens.begin() + (rows.at + 1) * length);
        both.next.insert(both.next.end(), from.next.begin() + begin, from.next.begin() + end);
        both.counts.insert(both.counts.end(), from.counts.begin() + begin, from.counts.begin() + end);
        both.indptr.push_back(static_cast<std::int64_t>(both.next.size()));
        rows.advance();
    }
    counts = std::move(both);
}

}  // namespace ntpgeo
