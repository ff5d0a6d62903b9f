#include "kernels/anchored_xent/touched_tiles_cuda.cuh"

#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <cub/device/device_scan.cuh>
#include <port.cuh>

#include "kernels/device/runtime.cuh"

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

/// begins [contexts + 1]: where each context's tiles begin in the list.
cudaError_t find_begins(void* storage, std::size_t& bytes, const operations::Tiles& tiles,
                        std::int64_t* begins, cudaStream_t stream) {
    const auto counts = thrust::make_transform_iterator(thrust::make_counting_iterator<std::int64_t>(0),
                                                        operations::Count{tiles});
    return cub::DeviceScan::ExclusiveSum(storage, bytes, counts, begins, tiles.contexts + 1, stream);
}

}  // namespace

std::int64_t touched_tiles_scan_bytes(std::int64_t contexts) {
    std::size_t bytes = 0;
    NTPGEO_CHECK(find_begins(nullptr, bytes, {nullptr, nullptr, contexts, 1, -1}, nullptr, nullptr));
    return static_cast<std::int64_t>(bytes);
}

void list_touched_tiles(const CallLabels& labels, std::int64_t vocab, std::int64_t width,
                        const TouchedTiles& to, cudaStream_t stream) {
    constexpr std::int64_t threads = 128;
    const operations::Tiles tiles{labels.indptr, labels.indices, labels.contexts, width,
                                  vocab % width == 0 ? -1 : vocab / width};
    auto bytes = static_cast<std::size_t>(to.scan_bytes);
    NTPGEO_CHECK(find_begins(to.scan, bytes, tiles, to.begins, stream));
    NTPGEO_CHECK(launch(kernels::list_touched_tiles,
                        static_cast<unsigned>((labels.contexts + threads - 1) / threads), unsigned{threads},
                        0, stream, tiles, to.begins, to.tiles));
}

}  // namespace ntpgeo::anchored_xent::cuda
