#include "kernels/anchored_xent/touched_tiles_cuda.cuh"

#include <thrust/gather.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/system/cuda/execution_policy.h>
#include <algorithm>
#include <cub/device/device_scan.cuh>
#include <port.cuh>

namespace ntpgeo::anchored_xent::cuda {
namespace operations {

/// The pattern by tiles.
struct Tiles {
    const std::int64_t* indptr;   ///< [contexts + 1]
    const std::int32_t* indices;  ///< ascending in each context
    std::int64_t contexts, width;
    std::int64_t padded;  ///< the tile that holds padding; -1: none does

    /// Calls visit(tile, first, entries) for each tile that the context touches, in order.
    template <class Visit>
    __host__ __device__ void each(std::int64_t context, const Visit& visit) const {
        const std::int64_t end = indptr[context + 1];
        std::int64_t tile = -1;
        for (std::int64_t first = indptr[context], s = first; first < end; first = s) {
            tile = indices[first] / width;
            while (s < end && indices[s] / width == tile) ++s;
            visit(tile, first, s - first);
        }
        if (padded >= 0 && tile != padded) visit(padded, end, std::int64_t{0});
    }
};

/// How many tiles a context touches; none behind the last.
struct Count {
    Tiles tiles;
    __host__ __device__ std::int64_t operator()(std::int64_t context) const {
        std::int64_t count = 0;
        if (context < tiles.contexts)
            tiles.each(context, [&count](std::int64_t, std::int64_t, std::int64_t) { ++count; });
        return count;
    }
};

/// The first context of a chunk, or the number of contexts.
struct ChunkBegin {
    std::int64_t chunk, contexts;
    __host__ __device__ std::int64_t operator()(std::int64_t index) const {
        return index * chunk < contexts ? index * chunk : contexts;
    }
};

}  // namespace operations

namespace kernels {

/// A thread a context, which writes its tiles from begins[context] on.
__global__ void list_touched_tiles(operations::Tiles tiles, const std::int64_t* begins, TouchedTile* to) {
    const std::int64_t context = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (context >= tiles.contexts) return;
    TouchedTile* at = to + begins[context];
    tiles.each(context, [&](std::int64_t tile, std::int64_t first, std::int64_t entries) {
        *at++ = {context, first, static_cast<std::int32_t>(entries), static_cast<std::int32_t>(tile)};
    });
}

}  // namespace kernels

namespace {

operations::Tiles tiles_of(const LabelsView& labels, std::int64_t width) {
    return {labels.indptr, labels.indices, labels.contexts, width,
            labels.vocab_size % width == 0 ? -1 : labels.vocab_size / width};
}

/// begins [contexts + 1]: where each context's tiles begin in the list.
void find_begins(device::Device& device, const operations::Tiles& tiles, std::int64_t* begins) {
    const auto counts = thrust::make_transform_iterator(thrust::make_counting_iterator<std::int64_t>(0),
                                                        operations::Count{tiles});
    device.temporary().run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceScan::ExclusiveSum(storage, bytes, counts, begins, tiles.contexts + 1,
                                             device.stream());
    });
}

}  // namespace

std::vector<std::int64_t> count_touched_tiles(device::Device& device, const LabelsView& labels,
                                              std::int64_t width, std::int64_t chunk) {
    const std::int64_t chunks = (labels.contexts + chunk - 1) / chunk;
    const device::DeviceArray<std::int64_t> begins(labels.contexts + 1), of_chunks(chunks + 1);
    find_begins(device, tiles_of(labels, width), begins.data());
    const auto firsts = thrust::make_transform_iterator(thrust::make_counting_iterator<std::int64_t>(0),
                                                        operations::ChunkBegin{chunk, labels.contexts});
    thrust::gather(thrust::cuda::par_nosync.on(device.stream()), firsts, firsts + (chunks + 1), begins.data(),
                   of_chunks.data());
    std::vector<std::int64_t> host(static_cast<std::size_t>(chunks + 1));
    NTPGEO_CHECK(cudaMemcpyAsync(host.data(), of_chunks.data(), host.size() * sizeof(std::int64_t),
                                 cudaMemcpyDeviceToHost, device.stream()));
    device.synchronise();
    return host;
}

void list_touched_tiles(device::Device& device, const LabelsView& labels, std::int64_t width,
                        TouchedTile* tiles) {
    constexpr std::int64_t threads = 128;
    const device::DeviceArray<std::int64_t> begins(labels.contexts + 1);
    const operations::Tiles pattern = tiles_of(labels, width);
    find_begins(device, pattern, begins.data());
    NTPGEO_CHECK(launch(kernels::list_touched_tiles,
                        static_cast<unsigned>((labels.contexts + threads - 1) / threads), unsigned{threads},
                        0, device.stream(), pattern, begins.data(), tiles));
    device.synchronise();  // `begins` goes
}

}  // namespace ntpgeo::anchored_xent::cuda
