// From distinct windows, which come ascending and twice, to the rows of the contexts that are kept. They come
// in ranges of whole contexts, which several threads take: a range's tally says where its rows will begin.
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

/// Contexts that are seen equally often, `total` times: how many, and their entries. Where they were chosen
/// from: how many are kept, and where the first one's row and entries belong.
struct Group {
    std::int64_t total = 0, contexts = 0, entries = 0, row = 0;
};

/// What one thread sees when it looks at ranges for the first time.
template <int W>
class Tally {
  public:
    struct OfRange {
        std::int64_t range;
        std::vector<Group> groups;  ///< by falling total
    };

    explicit Tally(const Packing<W>& packing) : packing_(packing) {}

    void begin_range(std::int64_t range) { ranges_.push_back({range, {}}); }
    /// Entry by entry.
    void take(const Key<W>& key, std::int64_t count) {
        if (total_ == 0 || !packing_.same_context(key, last_)) end_context();
        last_ = key;
        total_ += count;
        ++entries_;
        ++occurrences_[count];
    }
    void end_range() {
        end_context();
        totals_.from_largest([&](std::int64_t total, Group& group) {
            if (group.contexts == 0) return;
            ranges_.back().groups.push_back({total, group.contexts, group.entries});
            group = {};
        });
    }

    [[nodiscard]] std::vector<OfRange>& ranges() { return ranges_; }
    /// How many entries have a count.
    [[nodiscard]] const ByNumber<std::int64_t>& occurrences() const { return occurrences_; }

  private:
    void end_context() {
        if (total_ == 0) return;
        Group& group = totals_[total_];
        ++group.contexts;
        group.entries += entries_;
        total_ = entries_ = 0;
    }

    Packing<W> packing_;
    std::vector<OfRange> ranges_;
    ByNumber<Group> totals_;  ///< of the range
    ByNumber<std::int64_t> occurrences_;
    Key<W> last_{};
    std::int64_t total_ = 0, entries_ = 0;  ///< of the context that last_ begins with
};

/// Chooses contexts by what tallies have seen, and has room for their rows.
class Rows {
  public:
    explicit Rows(const WindowOptions& options) : options_(options) {}

    template <int W>
    void add(Tally<W>& tally) {
        for (auto& [range, groups] : tally.ranges()) {
            for (const Group& group : groups) {
                totals_[group.total].contexts += group.contexts;
                totals_[group.total].entries += group.entries;
            }
            ranges_.resize(std::max(ranges_.size(), static_cast<std::size_t>(range) + 1));
            ranges_[static_cast<std::size_t>(range)] = std::move(groups);
        }
        tally.occurrences().from_largest(
            [&](std::int64_t count, std::int64_t entries) { occurrences_[count] += entries; });
    }

    /// Settles where rows begin.
    void choose() {
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
            all_.push_back({total, kept, group.entries, group.row});
        });
        occurrences_.from_largest([&](std::int64_t count, std::int64_t entries_of_it) {
            of_windows += static_cast<double>(entries_of_it) * weighed(count);
        });
        if (result_.windows > 0)
            result_.entropy = (of_contexts - of_windows) / static_cast<double>(result_.windows);
        rows_ = rows;
        room_ = entries;
        share_among_ranges();
    }
    /// Bytes that the rows take, with the data set that is made of them.
    [[nodiscard]] std::int64_t bytes() const {
        std::size_t groups = all_.size();
        for (const std::vector<Group>& of_range : ranges_) groups += of_range.size();
        return rows_ * (row_bytes + 4 * options_.context_length) + room_ * entry_bytes +
               static_cast<std::int64_t>(groups * sizeof(Group));
    }
    /// Where those of a range belong, and of all ranges.
    [[nodiscard]] const std::vector<Group>& of_range(std::int64_t range) const {
        return ranges_[static_cast<std::size_t>(range)];
    }
    [[nodiscard]] const std::vector<Group>& of_all() const { return all_; }
    [[nodiscard]] std::int64_t context_length() const { return options_.context_length; }

    /// Before the second time.
    void make_room() {
        result_.context_tokens.resize(static_cast<std::size_t>(rows_ * options_.context_length));
        result_.indptr.resize(static_cast<std::size_t>(rows_ + 1));
        result_.next.resize(static_cast<std::size_t>(room_));
        result_.counts.resize(static_cast<std::size_t>(room_));
    }
    [[nodiscard]] WindowCounts& room() { return result_; }

    /// With the entries that were written.
    WindowCounts finish(std::int64_t written) {
        // Where not all of the least frequent contexts were kept, theirs are the last entries.
        result_.next.resize(static_cast<std::size_t>(written));
        result_.counts.resize(static_cast<std::size_t>(written));
        result_.indptr.resize(static_cast<std::size_t>(rows_ + 1));
        result_.indptr.back() = written;
        return std::move(result_);
    }

  private:
    // Of a data set and what is computed to describe it.
    static constexpr std::int64_t row_bytes = 64, entry_bytes = 20;

    static double weighed(std::int64_t count) {
        return static_cast<double>(count) * std::log(static_cast<double>(count));
    }

    // A range's contexts come after those of the ranges before it that are seen as often.
    void share_among_ranges() {
        for (std::vector<Group>& of_range : ranges_)
            for (Group& group : of_range) {
                Group& left = totals_[group.total];
                const std::int64_t kept = std::min(group.contexts, left.contexts), entries = group.entries;
                group = {group.total, kept, left.entries, left.row};
                left.contexts -= kept;
                left.row += kept;
                left.entries += entries;
            }
    }

    WindowOptions options_;
    ByNumber<Group> totals_;              ///< of all ranges; from choose() on of what no range has
    ByNumber<std::int64_t> occurrences_;  ///< of a count, as an entry's
    std::vector<std::vector<Group>> ranges_;
    std::vector<Group> all_;
    std::int64_t rows_ = 0, room_ = 0;
    WindowCounts result_;
};

/// Writes the rows of the kept contexts, as one thread sees ranges the second time.
template <int W>
class RowWriter {
  public:
    /// Once there is room.
    RowWriter(const Packing<W>& packing, Rows& rows) : packing_(packing), rows_(rows), room_(rows.room()) {}

    void begin_range(std::int64_t range) { begin(rows_.of_range(range)); }
    /// All ranges as one.
    void begin_all() { begin(rows_.of_all()); }
    /// Entry by entry.
    void take(const Key<W>& key, std::int64_t count) {
        if (row_.empty() || !packing_.same_context(key, last_)) write_row();
        last_ = key;
        total_ += count;
        row_.emplace_back(packing_.next_token(key), count);
    }
    void end_range() { write_row(); }
    /// Entries.
    [[nodiscard]] std::int64_t written() const { return written_; }

  private:
    void begin(const std::vector<Group>& groups) {
        for (const Group& group : groups) places_[group.total] = group;
    }
    void write_row() {
        if (row_.empty()) return;
        Group& place = places_[total_];
        if (place.contexts > 0) {
            --place.contexts;
            const std::int64_t row = place.row++;
            packing_.context_tokens(last_, room_.context_tokens.data() + row * rows_.context_length());
            room_.indptr[row] = place.entries;
            for (const auto& [next, count] : row_) {
                room_.next[place.entries] = next;
                room_.counts[place.entries++] = count;
            }
            written_ += static_cast<std::int64_t>(row_.size());
        }
        row_.clear();
        total_ = 0;
    }

    Packing<W> packing_;
    Rows& rows_;
    WindowCounts& room_;
    ByNumber<Group> places_;  ///< of the next context that is seen so often
    Key<W> last_{};
    std::int64_t total_ = 0;  ///< of the context that last_ begins with
    std::vector<std::pair<std::int32_t, std::int64_t>> row_;
    std::int64_t written_ = 0;
};

}  // namespace ntpgeo::counting_cpu
