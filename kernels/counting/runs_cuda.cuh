// From a text to its distinct windows with their counts: keys, sorted; longer windows by the ranks of shorter
// ones.
#pragma once

#include <thrust/iterator/permutation_iterator.h>
#include <thrust/iterator/reverse_iterator.h>
#include <thrust/iterator/zip_iterator.h>
#include <thrust/scatter.h>
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
#include <span>
#include <utility>

#include "kernels/counting/calls_cuda.cuh"
#include "kernels/counting/counting.hpp"

namespace ntpgeo::counting_cuda {

using namespace operations;

/// Windows of k tokens that cover one of `length`.
inline std::int32_t pieces(std::int64_t length, std::int64_t k) {
    return static_cast<std::int32_t>((length + k - 1) / k);
}

/// Counts the windows of a text, `at_once` tokens in one run.
class Counter : Calls {
  public:
    Counter(device::Device& device, const TextIds& text, std::int64_t context_length, std::int64_t at_once)
        : Calls(device),
          length_(static_cast<std::int32_t>(context_length)),
          at_once_(at_once),
          size_(static_cast<std::int64_t>(text.ids.size())),
          token_bits_(bits_for(text.vocab_size)),
          ids_(size_),
          ends_(size_) {
        NTPGEO_CHECK(cudaMemcpyAsync(ids_.data(), text.ids.data(), text.ids.size_bytes(),
                                     cudaMemcpyHostToDevice, device_.stream()));
        find_ends(text.document_ends);
        pack_ = {reinterpret_cast<const Place*>(ids_.data()),
                 {ends_.data(), 0},
                 1,
                 0,
                 token_bits_,
                 ids_.data(),
                 token_bits_};
    }

    /// All of the text.
    Run count() {
        while (pieces(length_, pack_.k) * pack_.rank_bits + token_bits_ > 64)
            rank_windows(std::min(64 / pack_.rank_bits * pack_.k, length_));
        pack_.covered = length_;
        pack_.is_window.length = std::int64_t{length_} + 1;
        Run all;
        for (std::int64_t begin = 0; begin < size_; begin += at_once_)
            all = merged(std::move(all), run_of(begin, std::min(begin + at_once_, size_)));
        return all;
    }
    [[nodiscard]] std::int64_t windows() const { return windows_; }
    /// How the keys of `count` are packed, and where each ranked window stood first; they live as long as
    /// this does.
    [[nodiscard]] const Pack& pack() const { return pack_; }
    [[nodiscard]] const Place* first_places() const { return first_places_.data(); }

  private:
    /// ends_[p]: the end of p's document or the first −1 from p on, whichever comes first.
    void find_ends(std::span<const std::int64_t> document_ends) {
        const Array<std::int64_t> ends(static_cast<std::int64_t>(document_ends.size()));
        NTPGEO_CHECK(cudaMemcpyAsync(ends.data(), document_ends.data(), document_ends.size_bytes(),
                                     cudaMemcpyHostToDevice, device_.stream()));
        NTPGEO_CHECK(
            cudaMemsetAsync(ends_.data(), 0xff, static_cast<std::size_t>(ends_.bytes()), device_.stream()));
        const std::int64_t* const from = ends.data();
        thrust::scatter(policy(), from, from + ends.size(),
                        thrust::make_transform_iterator(from, LastToken{}), ends_.data());
        const auto own = by_place(0, OwnEnd{ids_.data(), ends_.data()});
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceScan::InclusiveScan(storage, bytes, thrust::make_reverse_iterator(own + size_),
                                                  thrust::make_reverse_iterator(ends_.data() + size_),
                                                  Smaller{}, size_, stream);
        });
        device_.synchronise();  // `ends` goes
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

    /// The windows that begin at begin .. end−1.
    Run run_of(std::int64_t begin, std::int64_t end) {
        const std::int64_t places = end - begin;
        const auto first = static_cast<Place>(begin);
        const Array<Key> keys(places), other_keys(places);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceSelect::Flagged(storage, bytes, by_place(first, pack_),
                                              by_place(first, pack_.is_window), keys.data(), found_.data(),
                                              places, stream);
        });
        const std::int64_t windows = found();
        windows_ += windows;
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

    std::int32_t length_;
    std::int64_t at_once_, size_, windows_ = 0;
    std::int32_t token_bits_;
    Array<std::int32_t> ids_;
    Array<Place> ends_, ranks_, first_places_;
    Pack pack_{};
};

}  // namespace ntpgeo::counting_cuda
