// The windows of a part of a text as keys in ascending order.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "kernels/counting/keys_cpu.hpp"
#include "kernels/counting/sort_keys.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo::counting_cpu {

/// Memory of trivial elements that goes back to the system when it is let go, in large pages where there are
/// some. What was not written takes none.
template <class T>
class Pages {
  public:
    explicit Pages(std::int64_t size) : bytes_(std::max<std::size_t>(size * sizeof(T), 1)) {
        void* const memory =
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        ::madvise(memory, bytes_, MADV_HUGEPAGE);  // advice: without it, it is slower
        data_ = static_cast<T*>(memory);
    }
    ~Pages() { ::munmap(data_, bytes_); }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;

    [[nodiscard]] T* data() const { return data_; }

  private:
    std::size_t bytes_;
    T* data_;
};

/// Keys that were sorted, in memory that is used again and again.
template <int W>
class SortedKeys {
  public:
    SortedKeys(const Packing<W>& packing, std::int64_t most) : packing_(packing), keys_(most) {}

    /// Takes the windows that end at places begin .. end−1 of the text, in two passes over its ids: how many
    /// there are of each head, whereby they are cut into ranges; then each goes to its range.
    void take(const TextIds& text, std::int64_t begin, std::int64_t end) {
        const std::vector<std::int64_t> of_head = count_heads(text, begin, end);
        std::vector<std::uint8_t> range_of(of_head.size());
        ends_ = cut(of_head, range_of);
        distribute(text, begin, end, range_of);
        for_each(static_cast<std::int64_t>(ends_.size()), 1, team_for(size()), [&](std::int64_t range) {
            const Part part = range_at(range);
            sort_keys(keys_.data() + part.begin, part.end - part.begin);
        });
    }

    [[nodiscard]] std::int64_t size() const { return ends_.back(); }

    /// Calls take(key, count) for each distinct key, ascending.
    template <class Take>
    void for_each_entry(const Take& take) const {
        for_each_entry_of({0, size()}, take);
    }
    /// The same by all threads: each shows whole ranges of contexts to what make() gives it (`begin_range`
    /// with the range's number, `take` an entry, `end_range`), and hands that to finish, one thread at a
    /// time.
    template <class Make, class Finish>
    void share_entries(const Make& make, const Finish& finish) const {
        std::mutex finishing;
        share_loop(static_cast<std::int64_t>(ends_.size()), 1, team_for(size()), [&](Parts& parts) {
            auto taker = make();
            for_each_of(parts, [&](std::int64_t range) {
                taker.begin_range(range);
                for_each_entry_of(range_at(range),
                                  [&](const Key<W>& key, std::int64_t count) { taker.take(key, count); });
                taker.end_range();
            });
            const std::scoped_lock lock(finishing);
            finish(taker);
        });
    }

  private:
    static constexpr std::int64_t most_ranges = 256;
    static constexpr std::int64_t places_at_once = std::int64_t{1} << 18;

    [[nodiscard]] Part range_at(std::int64_t range) const {
        return {range == 0 ? 0 : ends_[range - 1], ends_[range]};
    }
    template <class Take>
    void for_each_entry_of(const Part& part, const Take& take) const {
        const Key<W>* const keys = keys_.data();
        for (std::int64_t i = part.begin; i < part.end;) {
            const std::int64_t first = i;
            for (++i; i < part.end && keys[i] == keys[first];) ++i;
            take(keys[first], i - first);
        }
    }

    template <class Body>
    static void for_parts(std::int64_t begin, std::int64_t end, const Body& body) {
        share_loop(end - begin, places_at_once, team_for(end - begin), body);
    }

    [[nodiscard]] std::vector<std::int64_t> count_heads(const TextIds& text, std::int64_t begin,
                                                        std::int64_t end) const {
        std::vector<std::int64_t> all(static_cast<std::size_t>(packing_.heads()));
        std::mutex adding;
        for_parts(begin, end, [&](Parts& parts) {
            std::vector<std::int64_t> own(all.size());
            for (Part part; parts.take(part);)
                packing_.pack(text, begin + part.begin, begin + part.end,
                              [&](const Key<W>& key) { ++own[packing_.head(key)]; });
            const std::scoped_lock lock(adding);
            for (std::size_t head = 0; head < all.size(); ++head) all[head] += own[head];
        });
        return all;
    }

    /// Ranges of heads that hold about as many keys each, as places where the keys of each end.
    static std::vector<std::int64_t> cut(const std::vector<std::int64_t>& of_head,
                                         std::vector<std::uint8_t>& range_of) {
        std::int64_t size = 0, done = 0;
        for (const std::int64_t keys : of_head) size += keys;
        const std::int64_t wanted = std::max(size / (most_ranges - 1) + 1, std::int64_t{1} << 12);
        std::vector<std::int64_t> ends;
        for (std::size_t head = 0; head < of_head.size(); ++head) {
            range_of[head] = static_cast<std::uint8_t>(ends.size());
            done += of_head[head];
            if (done - (ends.empty() ? 0 : ends.back()) >= wanted) ends.push_back(done);
        }
        if (ends.empty() || ends.back() < size) ends.push_back(size);
        // Heads without keys behind the last range would begin another.
        for (std::uint8_t& range : range_of)
            range = std::min(range, static_cast<std::uint8_t>(ends.size() - 1));
        return ends;
    }

    void distribute(const TextIds& text, std::int64_t begin, std::int64_t end,
                    const std::vector<std::uint8_t>& range_of) {
        // Keys go out some at a time, to where the range is filled up to by then: in what order does not
        // matter.
        constexpr std::int64_t at_once = 256 / sizeof(Key<W>);
        std::vector<std::atomic<std::int64_t>> filled(ends_.size());
        for (std::size_t range = 1; range < ends_.size(); ++range) filled[range] = ends_[range - 1];
        for_parts(begin, end, [&](Parts& parts) {
            std::vector<std::array<Key<W>, at_once>> held(ends_.size());
            std::vector<std::int64_t> size(ends_.size());
            const auto hand_out = [&](std::size_t range) {
                std::copy_n(held[range].data(), size[range],
                            keys_.data() + filled[range].fetch_add(size[range]));
                size[range] = 0;
            };
            for (Part part; parts.take(part);)
                packing_.pack(text, begin + part.begin, begin + part.end, [&](const Key<W>& key) {
                    const std::size_t range = range_of[packing_.head(key)];
                    held[range][size[range]++] = key;
                    if (size[range] == at_once) hand_out(range);
                });
            for (std::size_t range = 0; range < ends_.size(); ++range) hand_out(range);
        });
    }

    Packing<W> packing_;
    Pages<Key<W>> keys_;
    std::vector<std::int64_t> ends_ = {0};  ///< of the ranges
};

}  // namespace ntpgeo::counting_cpu
