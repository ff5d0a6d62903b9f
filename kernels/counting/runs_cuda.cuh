// From a text to its distinct windows with their counts: keys, sorted; longer windows by the ranks of shorter
// ones.
#pragma once

#include <thrust/binary_search.h>
#include <thrust/iterator/permutation_iterator.h>
#include <thrust/iterator/zip_iterator.h>
#include <thrust/transform.h>
#include <algorithm>
#include <cstdint>
#include <cub/device/device_merge.cuh>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_run_length_encode.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <port.cuh>
#include <utility>

#include "kernels/counting/calls_cuda.cuh"
#include "kernels/counting/counting.hpp"
#include "kernels/counting/text_cuda.cuh"

namespace ntpgeo::counting_cuda {

using namespace operations;

/// Windows of k tokens that cover one of `length`.
inline std::int32_t pieces(std::int64_t length, std::int64_t k) {
    return static_cast<std::int32_t>((length + k - 1) / k);
}

/// What a GPU holds at a time.
struct Portions {
    std::int64_t tokens;   ///< sorted in one run
    std::int64_t entries;  ///< distinct windows, of which a run's more come for a while
    std::int64_t ids;      ///< uploaded in one piece
    bool whole_text;       ///< or only those that a run reads
};

/// The distinct windows of some contexts, all that have these.
struct Part {
    Run entries;
    Key next;  ///< where the keys of further contexts begin; `no_more` where there are none
};

/// Counts the windows of a text.
class Counter : Calls {
  public:
    Counter(device::Device& device, const TextIds& text, std::int64_t context_length, Portions portions)
        : Calls(device),
          length_(static_cast<std::int32_t>(context_length)),
          portions_(portions),
          size_(text.ids.size()),
          token_bits_(bits_for(text.vocab_size)),
          stretch_(device, text,
                   portions.whole_text ? size_ : std::min(size_, portions.tokens + context_length),
                   portions.ids) {
        pack_ = {reinterpret_cast<const Place*>(stretch_.ids()),
                 {stretch_.ends(), 0},
                 1,
                 0,
                 token_bits_,
                 stretch_.ids(),
                 token_bits_};
        if (portions.whole_text) {
            stretch_.load(0, size_);
            while (pieces(length_, pack_.k) * pack_.rank_bits + token_bits_ > 64)
                rank_windows(std::min(64 / pack_.rank_bits * pack_.k, length_));
        }
        pack_.covered = length_;
        pack_.is_window.length = std::int64_t{length_} + 1;
    }

    /// The contexts whose keys are `begin` or more, in ascending order: all of them or as many as a portion
    /// of entries holds. Reads all of the text.
    Part part_from(Key begin) {
        Key end = no_more;
        bound(begin, end);
        Run all;
        for (std::int64_t from = 0; from < size_; from += portions_.tokens) {
            const std::int64_t to = std::min(from + portions_.tokens, size_);
            if (!portions_.whole_text) stretch_.load(from, std::min(to + length_, size_));
            const ContextRange range{pack_, bounds_.data(), begin == 0 && end == no_more};
            all = merged(std::move(all), run_of(from - stretch_.begin(), to - stretch_.begin(), range));
            if (all.size > portions_.entries) end = shorten(all, begin, end);
        }
        return {std::move(all), end};
    }
    /// How the keys of the parts are packed, and where each ranked window stood first; they live as long as
    /// this does.
    [[nodiscard]] const Pack& pack() const { return pack_; }
    [[nodiscard]] const Place* first_places() const { return first_places_.data(); }

  private:
    /// Keys of contexts from now on: those from `begin` on, below `end`. They lie in device memory, as does
    /// what is searched for: a number of 64 bits within a functor could be taken for a host's pointer.
    void bound(Key begin, Key end) {
        host_bounds_[0] = begin;
        host_bounds_[1] = end;
        host_bounds_[2] = end << token_bits_;
        NTPGEO_CHECK(cudaMemcpyAsync(bounds_.data(), host_bounds_, sizeof host_bounds_,
                                     cudaMemcpyHostToDevice, device_.stream()));
    }

    /// From now on pack_ covers windows by the ranks of windows of this length.
    void rank_windows(std::int32_t length) {
        Pack pack = pack_;
        pack.covered = length;
        pack.is_window.length = length;
        pack.next_of = nullptr;
        const Array<Key> keys(size_), other_keys(size_);
        const Array<Place> places(size_), other_places(size_);
        const auto from =
            thrust::make_zip_iterator(by_place(0, pack), thrust::make_counting_iterator<Place>(0));
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceSelect::Flagged(storage, bytes, from, by_place(0, pack.is_window),
                                              thrust::make_zip_iterator(keys.data(), places.data()),
                                              found_.data(), size_, stream);
        });
        const std::int64_t windows = found();
        cub::DoubleBuffer<Key> sorted(keys.data(), other_keys.data());
        cub::DoubleBuffer<Place> sorted_places(places.data(), other_places.data());
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceRadixSort::SortPairs(storage, bytes, sorted, sorted_places, windows, 0,
                                                   pieces(length, pack.k) * pack.rank_bits, stream);
        });
        device_.synchronise();  // the shorter windows' ranks are in the keys: they may go before the new ones
                                // come
        ranks_ = {};
        first_places_ = {};
        ranks_ = Array<Place>(size_);
        const Begins begins{sorted.Current(), 0};
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceScan::InclusiveSum(
                storage, bytes, by_place(0, RankStep{begins}),
                thrust::make_permutation_iterator(ranks_.data(), sorted_places.Current()), windows, stream);
        });
        first_places_ = Array<Place>(windows);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceSelect::Flagged(storage, bytes, sorted_places.Current(), by_place(0, begins),
                                              first_places_.data(), found_.data(), windows, stream);
        });
        pack_.ranks = ranks_.data();
        pack_.k = length;
        pack_.rank_bits = bits_for(std::max<std::int64_t>(found(), 1));
    }

    /// Of the windows that begin at begin .. end−1 those in the range.
    Run run_of(std::int64_t begin, std::int64_t end, const ContextRange& range) {
        const std::int64_t places = end - begin;
        const auto first = static_cast<Place>(begin);
        const Array<Key> keys(places), other_keys(places);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceSelect::Flagged(storage, bytes, by_place(first, pack_), by_place(first, range),
                                              keys.data(), found_.data(), places, stream);
        });
        const std::int64_t windows = found();
        cub::DoubleBuffer<Key> sorted(keys.data(), other_keys.data());
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceRadixSort::SortKeys(storage, bytes, sorted, windows, 0,
                                                  pieces(length_, pack_.k) * pack_.rank_bits + token_bits_,
                                                  stream);
        });
        const Array<Place> lengths(windows);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceRunLengthEncode::Encode(storage, bytes, sorted.Current(), sorted.Alternate(),
                                                      lengths.data(), found_.data(),
                                                      static_cast<int>(windows), stream);
        });
        const std::int64_t size = found();
        Run result{Array<Key>(size), Array<Key>(size), size};
        NTPGEO_CHECK(cudaMemcpyAsync(result.entries.data(), sorted.Alternate(),
                                     static_cast<std::size_t>(result.entries.bytes()),
                                     cudaMemcpyDeviceToDevice, device_.stream()));
        thrust::transform(policy(), lengths.data(), lengths.data() + size, result.counts.data(), Widen{});
        device_.synchronise();  // the run's own arrays go
        return result;
    }

    Run merged(Run a, Run b) {
        if (a.size == 0) return b;
        if (b.size == 0) return a;
        const std::int64_t size = a.size + b.size;
        const Array<Key> entries(size), counts(size);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceMerge::MergePairs(storage, bytes, a.entries.data(), a.counts.data(), a.size,
                                                b.entries.data(), b.counts.data(), b.size, entries.data(),
                                                counts.data(), cuda::std::less<>{}, stream);
        });
        Run both{Array<Key>(size), Array<Key>(size), 0};
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceReduce::ReduceByKey(storage, bytes, entries.data(), both.entries.data(),
                                                  counts.data(), both.counts.data(), found_.data(),
                                                  cuda::std::plus<>{}, size, stream);
        });
        both.size = found();
        return both;
    }

    /// Drops about half of a portion's entries, those of the largest contexts, and what is more than a
    /// portion; the first context stays whole. Returns the range's new end.
    Key shorten(Run& all, Key begin, Key old_end) {
        const Key middle = device_.fetch(all.entries.data() + portions_.entries / 2) >> token_bits_;
        const Key end = std::max(middle, begin + 1);
        if (end > no_more >> token_bits_) return old_end;
        bound(begin, end);
        const Array<std::int64_t> size(1);
        const Key* const wanted = bounds_.data() + 2;
        thrust::lower_bound(policy(), all.entries.data(), all.entries.data() + all.size, wanted, wanted + 1,
                            size.data());
        all.size = device_.fetch(size.data());
        return end;
    }

    std::int32_t length_;
    Portions portions_;
    std::int64_t size_;
    std::int32_t token_bits_;
    Stretch stretch_;
    Array<Place> ranks_, first_places_;
    Key host_bounds_[3] = {};
    Array<Key> bounds_{3};
    Pack pack_{};
};

}  // namespace ntpgeo::counting_cuda
