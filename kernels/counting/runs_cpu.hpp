// Runs of distinct keys with their counts, ascending, as bytes on scratch, and their merge.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/counting/keys_cpu.hpp"
#include "kernels/counting/scratch.hpp"

namespace ntpgeo::counting_cpu {

/// Bytes begin .. end−1 of a file, which runs share.
struct StoredRun {
    std::shared_ptr<ScratchFile> file;
    std::int64_t begin, end;
};

/// An entry is a byte (its lower six bits say how many bytes follow of what the key is above the one before,
/// its upper two how the count follows: not at all where it is 1, else in 1, 4 or 8 bytes), then those.
inline constexpr int bytes_of_count[] = {0, 1, 4, 8};
template <int W>
inline constexpr std::size_t most_entry_bytes = 1 + 8 * W + 8;

/// Appends a run to a file.
template <int W>
class RunWriter {
  public:
    RunWriter(std::shared_ptr<ScratchFile> file, std::int64_t begin, std::int64_t buffer)
        : run_{std::move(file), begin, begin}, bytes_(static_cast<std::size_t>(buffer) + slack) {}

    void add(const Key<W>& key, std::int64_t count) {
        std::byte* const entry = bytes_.data() + size_;
        std::byte* at = entry + 1;
        int length = 0;
        std::uint64_t borrow = 0;
        for (int i = 0; i < W; ++i) {
            const std::uint64_t above = key.words[i] - last_.words[i] - borrow;
            borrow = key.words[i] < last_.words[i] || (borrow != 0 && key.words[i] == last_.words[i]) ? 1 : 0;
            std::memcpy(at + std::ptrdiff_t{8} * i, &above, 8);
            if (above != 0) length = 8 * i + (71 - std::countl_zero(above)) / 8;
        }
        at += length;
        const int code = count == 1 ? 0 : count < 256 ? 1 : count < std::int64_t{1} << 32 ? 2 : 3;
        std::memcpy(at, &count, 8);
        at += bytes_of_count[code];
        *entry = static_cast<std::byte>(length | code << 6);
        size_ = at - bytes_.data();
        last_ = key;
        if (size_ + slack > static_cast<std::ptrdiff_t>(bytes_.size())) hand_out();
    }
    StoredRun finish() {
        hand_out();
        return run_;
    }

  private:
    static constexpr std::ptrdiff_t slack = most_entry_bytes<W> + 8;

    void hand_out() {
        run_.file->append(std::span(bytes_).first(static_cast<std::size_t>(size_)));
        run_.end += size_;
        size_ = 0;
    }

    StoredRun run_;
    std::vector<std::byte> bytes_;
    std::ptrdiff_t size_ = 0;
    Key<W> last_{};
};

/// Reads it again, entry by entry.
template <int W>
class RunReader {
  public:
    RunReader(const StoredRun& run, std::int64_t buffer)
        : run_(run),
          place_(run.begin),
          bytes_(static_cast<std::size_t>(std::min(buffer, run.end - run.begin)) + 2 * slack) {}

    [[nodiscard]] const Key<W>& key() const { return key_; }
    [[nodiscard]] std::int64_t count() const { return count_; }
    [[nodiscard]] std::int64_t bytes_read() const { return place_ - run_.begin; }

    /// The next entry; false behind the last.
    bool advance() {
        if (at_ + slack > size_ && place_ < run_.end) fill();
        if (at_ == size_) return false;
        const std::byte* const entry = bytes_.data() + at_;
        const int head = std::to_integer<int>(*entry), length = head & 63,
                  of_count = bytes_of_count[head >> 6];
        std::uint64_t carry = 0;
        for (int i = 0; i < W; ++i) {
            const int left = length - 8 * i;
            std::uint64_t above = 0;
            std::memcpy(&above, entry + 1 + std::ptrdiff_t{8} * i, 8);
            if (left < 8) above &= left <= 0 ? 0 : (std::uint64_t{1} << 8 * left) - 1;
            const std::uint64_t sum = key_.words[i] + above + carry;
            carry = sum < above || (carry != 0 && sum == above) ? 1 : 0;
            key_.words[i] = sum;
        }
        std::uint64_t count = 0;
        std::memcpy(&count, entry + 1 + length, 8);
        count_ = of_count == 0 ? 1
                 : of_count == 8
                     ? static_cast<std::int64_t>(count)
                     : static_cast<std::int64_t>(count & ((std::uint64_t{1} << 8 * of_count) - 1));
        at_ += 1 + length + of_count;
        return true;
    }

  private:
    // Numbers are read as eight bytes, whatever is theirs.
    static constexpr std::ptrdiff_t slack = most_entry_bytes<W> + 8;

    void fill() {
        std::memmove(bytes_.data(), bytes_.data() + at_, static_cast<std::size_t>(size_ - at_));
        size_ -= at_;
        at_ = 0;
        const auto room = static_cast<std::int64_t>(bytes_.size()) - slack - size_;
        const std::int64_t more = std::min(room, run_.end - place_);
        run_.file->read(place_, std::span(bytes_).subspan(size_, static_cast<std::size_t>(more)));
        size_ += more;
        place_ += more;
    }

    StoredRun run_;
    std::int64_t place_;
    std::vector<std::byte> bytes_;
    std::ptrdiff_t at_ = 0, size_ = 0;
    Key<W> key_{};
    std::int64_t count_ = 0;
};

/// Calls take(key, count) for each distinct key of the runs, ascending, with the sum of its counts; `memory`
/// bytes hold what is read ahead. Calls show(bytes read) now and then.
template <int W, class Take, class Show>
void merge_runs(const std::vector<StoredRun>& runs, std::int64_t memory, const Take& take, const Show& show) {
    std::vector<RunReader<W>> readers;
    readers.reserve(runs.size());
    for (const StoredRun& run : runs)
        readers.emplace_back(run, memory / static_cast<std::int64_t>(runs.size()));
    // A heap, its least key first.
    std::vector<RunReader<W>*> heap;
    for (RunReader<W>& reader : readers)
        if (reader.advance()) heap.push_back(&reader);
    const auto comes_later = [](const RunReader<W>* a, const RunReader<W>* b) { return b->key() < a->key(); };
    std::make_heap(heap.begin(), heap.end(), comes_later);
    const auto sift_down = [&] {
        RunReader<W>* const moved = heap.front();
        std::size_t place = 0;
        for (std::size_t child; (child = 2 * place + 1) < heap.size(); place = child) {
            if (child + 1 < heap.size() && heap[child + 1]->key() < heap[child]->key()) ++child;
            if (!(heap[child]->key() < moved->key())) break;
            heap[place] = heap[child];
        }
        heap[place] = moved;
    };
    for (std::int64_t entry = 0; !heap.empty(); ++entry) {
        if (entry % (std::int64_t{1} << 20) == 0) {
            std::int64_t read = 0;
            for (const RunReader<W>& reader : readers) read += reader.bytes_read();
            show(read);
        }
        const Key<W> key = heap.front()->key();
        std::int64_t count = 0;
        while (!heap.empty() && heap.front()->key() == key) {
            count += heap.front()->count();
            if (!heap.front()->advance()) {
                heap.front() = heap.back();
                heap.pop_back();
            }
            if (!heap.empty()) sift_down();
        }
        take(key, count);
    }
}

}  // namespace ntpgeo::counting_cpu
