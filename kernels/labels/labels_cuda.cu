#include <thrust/binary_search.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/cuda/execution_policy.h>
#include <thrust/transform.h>
#include <algorithm>
#include <bit>
#include <cub/device/device_radix_sort.cuh>
#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/labels/labels.hpp"

namespace ntpgeo::labels_cuda {
namespace operations {

struct Itself {
    __host__ __device__ std::int64_t operator()(std::int64_t position) const { return position; }
};

}  // namespace operations

namespace {

void copy(device::Device& device, const void* from, void* to, std::int64_t bytes) {
    NTPGEO_CHECK(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToDevice,
                                 device.stream()));
}

}  // namespace
}  // namespace ntpgeo::labels_cuda

namespace ntpgeo {
using namespace labels_cuda;

void CudaLabelOperations::index_by_word(const LabelsView& labels, const WordIndex& index) {
    const std::int64_t nnz = labels.nnz;
    const auto policy = thrust::cuda::par_nosync.on(device_.stream());
    const auto entry = thrust::make_counting_iterator<std::int64_t>(0);
    const device::DeviceArray<std::int32_t> words(2 * nnz);  // not scratch, which would keep so much for good
    copy(device_, labels.indices, words.data(), nnz * static_cast<std::int64_t>(sizeof(std::int32_t)));
    thrust::transform(policy, entry, entry + nnz, index.positions, operations::Itself{});

    // Positions ascend within a word, since the sort is stable. Words are not negative: their sign's bit is
    // left out.
    cub::DoubleBuffer<std::int32_t> by_word(words.data(), words.data() + nnz);
    cub::DoubleBuffer<std::int64_t> positions(index.positions, index.contexts);
    const int bits =
        std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint32_t>(labels.vocab_size - 1))));
    device_.temporary().run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortPairs(storage, bytes, by_word, positions, nnz, 0, bits,
                                               device_.stream());
    });
    if (positions.Current() != index.positions)
        copy(device_, positions.Current(), index.positions,
             nnz * static_cast<std::int64_t>(sizeof(std::int64_t)));

    const std::int32_t* const sorted = by_word.Current();
    thrust::lower_bound(policy, sorted, sorted + nnz, entry, entry + (labels.vocab_size + 1), index.indptr);
    // As many contexts end at a position or before it as come before its own.
    const std::int64_t* const ends = labels.indptr + 1;
    thrust::upper_bound(policy, ends, ends + labels.contexts, index.positions, index.positions + nnz,
                        index.contexts);
    device_.synchronise();  // the words' copies end here
}

}  // namespace ntpgeo
