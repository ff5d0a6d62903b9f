// From distinct windows, which come ascending and twice, to the rows of the contexts that are kept.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "kernels/counting/counting.hpp"
#include "kernels/counting/keys_cpu.hpp"

namespace ntpgeo::counting_cpu {

/// A value for each number from 1 on that occurs: small ones in an array, the few large ones in a tree.
template <class Value>
class ByNumber {
  public:
    Value& operator[](std::int64_t number) {
        return number < few ? small_[static_cast<std::size_t>(number)] : large_[number];
    }
    /// Calls take(number, value), by falling number.
    template <class Take>
    void from_largest(const Take& take) {
        visit(*this, take);
    }
    template <class Take>
    void from_largest(const Take& take) const {
        visit(*this, take);
    }

  private:
    template <class Self, class Take>
    static void visit(Self& self, const Take& take) {
        for (auto at = self.large_.rbegin(); at != self.large_.rend(); ++at) take(at->first, at->second);
        for (std::int64_t number = few - 1; number > 0; --number) take(number, self.small_[number]);
    }

    static constexpr std::int64_t few = std::int64_t{1} << 12;
    std::vector<Value> small_ = std::vector<Value>(few);
    std::map<std::int64_t, Value> large_;
};

/// First looks at all entries, then writes those of the kept contexts to where the first look has shown them
/// to belong.
template <int W>
class Rows {
  public:
    Rows(const Packing<W>& packing, const WindowOptions& options) : packing_(packing), options_(options) {}

    /// The first time, entry by entry.
    void look(const Key<W>& key, std::int64_t count) {
        if (total_ == 0 || !packing_.same_context(key, last_)) end_context();
        last_ = key;
        total_ += count;
        ++entries_;
        ++occurrences_[count];
    }

    /// Where contexts were shared among several: what follows comes from another place.
    void end_range() { end_context(); }
    /// What another has looked at, whole contexts.
    void add(const Rows& other) {
        other.totals_.from_largest([&](std::int64_t total, const Group& group) {
            totals_[total].contexts += group.contexts;
            totals_[total].entries += group.entries;
        });
        other.occurrences_.from_largest(
            [&](std::int64_t count, std::int64_t entries) { occurrences_[count] += entries; });
    }

    /// Between the two: chooses, and settles where rows begin.
    void choose() {
        end_context();
        double of_contexts = 0, of_windows = 0;
        std::int64_t rows = 0, entries = 0;
        totals_.from_largest([&](std::int64_t total, Group& group) {
            if (group.contexts == 0) return;
            result_.most = std::max(result_.most, total);
            result_.windows += total * group.contexts;
            result_.contexts += group.contexts;
            of_contexts += static_cast<double>(group.contexts) * weighed(total);
            if (total < options_.min_count || rows == options_.most_contexts) {
                group.contexts = 0;
                return;
            }
            // Of those that are seen equally often, the first ones.
            const std::int64_t kept = std::min(group.contexts, options_.most_contexts - rows);
            if (kept < group.contexts) group.entries = std::min(group.entries, kept * total);
            group.contexts = kept;
            rows += kept;
            entries += std::exchange(group.entries, entries);
            group.row = rows - kept;
        });
        occurrences_.from_largest([&](std::int64_t count, std::int64_t entries_of_it) {
            of_windows += static_cast<double>(entries_of_it) * weighed(count);
        });
        if (result_.windows > 0)
            result_.entropy = (of_contexts - of_windows) / static_cast<double>(result_.windows);
        rows_ = rows;
        room_ = entries;
    }
    /// Bytes that write() takes, with the data set that is made of them.
    [[nodiscard]] std::int64_t bytes() const {
        return rows_ * (row_bytes + 4 * options_.context_length) + room_ * entry_bytes;
    }

    /// Before the second time.
    void make_room() {
        result_.context_tokens.resize(static_cast<std::size_t>(rows_ * options_.context_length));
        result_.indptr.resize(static_cast<std::size_t>(rows_ + 1));
        result_.next.resize(static_cast<std::size_t>(room_));
        result_.counts.resize(static_cast<std::size_t>(room_));
    }
    /// The second time.
    void write(const Key<W>& key, std::int64_t count) {
        if (row_.empty() || !packing_.same_context(key, last_)) write_row();
        last_ = key;
        total_ += count;
        row_.emplace_back(packing_.next_token(key), count);
    }
    WindowCounts finish() {
        write_row();
        // Where not all of the least frequent contexts were kept, theirs are the last entries.
        result_.next.resize(static_cast<std::size_t>(written_));
        result_.counts.resize(static_cast<std::size_t>(written_));
        result_.indptr.resize(static_cast<std::size_t>(rows_ + 1));
        result_.indptr.back() = written_;
        return std::move(result_);
    }

  private:
    // Of a data set and what is computed to describe it.
    static constexpr std::int64_t row_bytes = 64, entry_bytes = 20;

    /// Contexts that are seen equally often: how many, and their entries; from choose() on how many are still
    /// to come, and where the next one's row and entries belong.
    struct Group {
        std::int64_t contexts = 0, entries = 0, row = 0;
    };

    static double weighed(std::int64_t count) {
        return static_cast<double>(count) * std::log(static_cast<double>(count));
    }

    void end_context() {
        if (total_ == 0) return;
        Group& group = totals_[total_];
        ++group.contexts;
        group.entries += entries_;
        total_ = entries_ = 0;
    }

    void write_row() {
        if (row_.empty()) return;
        Group& group = totals_[total_];
        if (group.contexts > 0) {
            --group.contexts;
            const std::int64_t row = group.row++;
            packing_.context_tokens(last_, result_.context_tokens.data() + row * options_.context_length);
            result_.indptr[row] = group.entries;
            for (const auto& [next, count] : row_) {
                result_.next[group.entries] = next;
                result_.counts[group.entries++] = count;
            }
            written_ += static_cast<std::int64_t>(row_.size());
        }
        row_.clear();
        total_ = 0;
    }

    Packing<W> packing_;
    WindowOptions options_;
    ByNumber<Group> totals_;
    ByNumber<std::int64_t> occurrences_;  ///< of a count, as an entry's
    Key<W> last_{};
    std::int64_t total_ = 0, entries_ = 0;  ///< of the context that last_ begins with
    std::int64_t rows_ = 0, room_ = 0, written_ = 0;
    std::vector<std::pair<std::int32_t, std::int64_t>> row_;
    WindowCounts result_;
};

}  // namespace ntpgeo::counting_cpu
