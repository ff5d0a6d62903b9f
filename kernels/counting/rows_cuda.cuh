// From distinct windows to rows: the contexts that are kept, by falling count, and what follows them. For
// counting_cuda.cu alone, as its kernels cannot be inline.
#pragma once

#include <thrust/binary_search.h>
#include <thrust/iterator/discard_iterator.h>
#include <thrust/iterator/zip_iterator.h>
#include <algorithm>
#include <cstdint>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <port.cuh>

#include "kernels/counting/calls_cuda.cuh"
#include "kernels/counting/counting.hpp"

namespace ntpgeo::counting_cuda {
namespace kernels {

using namespace operations;

/// A thread an entry of the result, row by row; `after` is the first row that begins behind it.
__global__ void write_entries(const Key* entries, const Key* entry_counts, const Place* order,
                              const Place* begins, const std::int64_t* indptr, const Place* after,
                              std::int64_t size, Key token_mask, std::int32_t* next, std::int64_t* counts) {
    const std::int64_t e = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (e >= size) return;
    const std::int64_t row = std::int64_t{after[e]} - 1, from = begins[order[row]] + (e - indptr[row]);
    next[e] = static_cast<std::int32_t>(entries[from] & token_mask);
    counts[e] = static_cast<std::int64_t>(entry_counts[from]);
}

/// A thread a token of a row's context, from the ranks that its key holds; `first_places` says where a
/// k-window stood first.
__global__ void write_tokens(const Key* entries, const Place* order, const Place* begins, Pack pack,
                             const Place* first_places, std::int64_t rows, std::int32_t* tokens) {
    const std::int64_t at = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (at >= rows * pack.covered) return;
    const std::int64_t row = at / pack.covered;
    const auto token = static_cast<std::int32_t>(at % pack.covered);
    const std::int32_t pieces = (pack.covered + pack.k - 1) / pack.k, piece = token / pack.k;
    const std::int32_t begin = (piece + 1) * pack.k <= pack.covered ? piece * pack.k : pack.covered - pack.k;
    const Key context = entries[begins[order[row]]] >> pack.token_bits;
    const Key rank = context >> (pieces - 1 - piece) * pack.rank_bits & ((Key{1} << pack.rank_bits) - 1);
    tokens[at] = pack.k == 1 ? static_cast<std::int32_t>(rank)
                             : pack.next_of[first_places[rank] + static_cast<Place>(token - begin)];
}

}  // namespace kernels

using namespace operations;

/// Chooses among a run's contexts and writes them; `pack` and `first_places` are the Counter's.
class Rows : Calls {
  public:
    Rows(device::Device& device, const Pack& pack, const Place* first_places)
        : Calls(device), pack_(pack), first_places_(first_places) {}

    /// Which contexts are kept, in their order, and what they hold.
    WindowCounts select(const Run& all, const WindowOptions& options) {
        WindowCounts result;
        result.indptr = {0};
        if (all.size == 0) return result;
        const Array<Place> begins(all.size + 1);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceSelect::If(storage, bytes, thrust::make_counting_iterator<Place>(0),
                                         begins.data(), found_.data(), all.size,
                                         Begins{all.entries.data(), pack_.token_bits}, stream);
        });
        const std::int64_t contexts = result.contexts = found();
        const auto end = static_cast<Place>(all.size);
        NTPGEO_CHECK(cudaMemcpyAsync(begins.data() + contexts, &end, sizeof end, cudaMemcpyHostToDevice,
                                     device_.stream()));

        const Array<Key> totals(contexts), kept_totals(contexts), other_totals(contexts), most(1), sum(1);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceReduce::ReduceByKey(
                storage, bytes,
                thrust::make_transform_iterator(all.entries.data(), ContextOf{pack_.token_bits}),
                thrust::make_discard_iterator(), all.counts.data(), totals.data(), found_.data(),
                cuda::std::plus<>{}, all.size, stream);
        });
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceReduce::Reduce(storage, bytes, totals.data(), most.data(), contexts, Larger{},
                                             Key{0}, stream);
        });
        result.most = static_cast<std::int64_t>(device_.fetch(most.data()));
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceReduce::Sum(storage, bytes, totals.data(), sum.data(), contexts, stream);
        });
        result.windows = static_cast<std::int64_t>(device_.fetch(sum.data()));
        const Array<Place> kept(contexts), other_kept(contexts);
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceSelect::If(
                storage, bytes,
                thrust::make_zip_iterator(totals.data(), thrust::make_counting_iterator<Place>(0)),
                thrust::make_zip_iterator(kept_totals.data(), kept.data()), found_.data(), contexts,
                IsFrequent{static_cast<Key>(options.min_count)}, stream);
        });
        const std::int64_t frequent = found(), rows = std::min(frequent, options.most_contexts);
        if (rows == 0) return result;
        cub::DoubleBuffer<Key> by_total(kept_totals.data(), other_totals.data());
        cub::DoubleBuffer<Place> order(kept.data(), other_kept.data());
        // Stable: equal totals stay in the order of the contexts, which is that of their tokens.
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceRadixSort::SortPairsDescending(storage, bytes, by_total, order, frequent, 0,
                                                             bits_for(result.most + 1), stream);
        });
        write(result, all, order.Current(), begins.data(), rows);
        return result;
    }

  private:
    static constexpr unsigned threads = 256;
    static unsigned blocks_for(std::int64_t size) {
        return static_cast<unsigned>((size + threads - 1) / threads);
    }

    void write(WindowCounts& result, const Run& all, const Place* order, const Place* begins,
               std::int64_t rows) {
        const Array<std::int64_t> indptr(rows + 1);
        const auto lengths = thrust::make_transform_iterator(thrust::make_counting_iterator<std::int64_t>(0),
                                                             RowLength{order, begins, rows});
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceScan::ExclusiveSum(storage, bytes, lengths, indptr.data(), rows + 1, stream);
        });
        const std::int64_t size = device_.fetch(indptr.data() + rows);
        const Array<Place> after(size);
        const auto entry = thrust::make_counting_iterator<std::int64_t>(0);
        thrust::upper_bound(policy(), indptr.data(), indptr.data() + rows + 1, entry, entry + size,
                            after.data());
        const Array<std::int32_t> next(size), tokens(rows * pack_.covered);
        const Array<std::int64_t> counts(size);
        NTPGEO_CHECK(launch(kernels::write_entries, blocks_for(size), threads, 0, device_.stream(),
                            all.entries.data(), all.counts.data(), order, begins, indptr.data(), after.data(),
                            size, (Key{1} << pack_.token_bits) - 1, next.data(), counts.data()));
        NTPGEO_CHECK(launch(kernels::write_tokens, blocks_for(tokens.size()), threads, 0, device_.stream(),
                            all.entries.data(), order, begins, pack_, first_places_, rows, tokens.data()));
        result.indptr = download(indptr.data(), rows + 1);
        result.next = download(next.data(), size);
        result.counts = download(counts.data(), size);
        result.context_tokens = download(tokens.data(), tokens.size());
    }

    Pack pack_;
    const Place* first_places_;
};

}  // namespace ntpgeo::counting_cuda
