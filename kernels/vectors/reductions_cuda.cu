#include <algorithm>
#include <cmath>
#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/vectors/elementwise.cuh"
#include "kernels/vectors/reductions.cuh"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo::vectors_cuda {
namespace {

constexpr int threads = 256;

}  // namespace

namespace kernels {

/// partial[block] = Σ x_i·y_i over the block's elements. Kept by hand: cub::TransformReduce would round every
/// product before it is added, and give other bits on another GPU. Thread t of all takes the packs t, t +
/// threads, ... counted from element 0, whatever the alignment; `width` elements are loaded at once, `pack`
/// ones are summed apart.
template <class T, int width>
__global__ void dot_partials(const T* x, const T* y, std::int64_t size, double* partial) {
    constexpr int pack = static_cast<int>(16 / sizeof(T));
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    const std::int64_t all = std::int64_t{gridDim.x} * blockDim.x;
    const std::int64_t packs = size / pack;
    double sums[pack] = {};
    for (std::int64_t p = thread; p < packs; p += all)
        for (int first = 0; first < pack; first += width) {
            const auto a = device::load<width>(x + p * pack + first);
            const auto b = device::load<width>(y + p * pack + first);
            for (int k = 0; k < width; ++k)
                sums[first + k] = std::fma(static_cast<double>(a.values[k]), static_cast<double>(b.values[k]),
                                           sums[first + k]);
        }
    const std::int64_t last = packs * pack + thread;  // fewer elements than a pack are left
    if (last < size) sums[0] = std::fma(static_cast<double>(x[last]), static_cast<double>(y[last]), sums[0]);
    double sum = 0;
    for (const double value : sums) sum += value;
    sum = device::block_sum(sum, scratch);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

}  // namespace kernels

}  // namespace ntpgeo::vectors_cuda

namespace ntpgeo {
using namespace vectors_cuda;

double CudaVectorOperations::dot(Vector x, Vector y) {
    if (x.size == 0) return 0;
    double* const total = device_.partials() + device::Device::most_partials;
    device::queue_dot(device_, x, y, total);
    return device_.fetch(total);
}

void CudaVectorOperations::dot_into(Vector x, Vector y, double* out) {
    if (x.size == 0)
        NTPGEO_CHECK(cudaMemsetAsync(out, 0, sizeof *out, device_.stream()));
    else
        device::queue_dot(device_, x, y, out);
}

}  // namespace ntpgeo

namespace ntpgeo::device {

using vectors_cuda::threads;

void queue_dot(Device& device, Vector x, Vector y, double* total) {
    with_real(x.real, [&]<class T>(T) {
        constexpr int pack = static_cast<int>(16 / sizeof(T));
        const T* const a = x.as<T>();
        const T* const b = y.as<T>();
        const bool aligned = elements_before_packs({start(a), start(b)}, x.size) == 0;
        const std::int64_t work = std::max<std::int64_t>(x.size / pack, 1);
        const auto blocks =
            static_cast<unsigned>(std::min((work + threads - 1) / threads, Device::most_partials));
        NTPGEO_CHECK(launch(aligned ? vectors_cuda::kernels::dot_partials<T, pack>
                                    : vectors_cuda::kernels::dot_partials<T, 1>,
                            blocks, threads, 0, device.stream(), a, b, x.size, device.partials()));
        sum_rows(device.partials(), 1, blocks, total, device.stream());
    });
}

namespace kernels {

/// sums[r·parts + p] = the sum of row r's elements from p·row_part on, of the whole row where parts = 1. A
/// block a part. Not cub::DeviceReduce: its order is its tuning's for the GPU at hand, and the pointer's
/// alignment.
__global__ void sum_rows(const double* values, std::int64_t size, std::int64_t parts, double* sums) {
    SHARED_ARRAY(double, scratch, warp_threads);
    const std::int64_t row = blockIdx.x / parts, begin = blockIdx.x % parts * row_part;
    const std::int64_t end = parts == 1 ? size : std::min(begin + row_part, size);
    double sum = 0;
    for (std::int64_t j = begin + threadIdx.x; j < end; j += blockDim.x) sum += values[row * size + j];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

}  // namespace kernels

void sum_rows(const double* values, std::int64_t rows, std::int64_t size, double* totals,
              cudaStream_t stream) {
    if (rows == 0) return;
    const auto sum = [stream](const double* from, std::int64_t blocks, std::int64_t row, std::int64_t parts,
                              double* to) {
        const std::int64_t warps = std::clamp<std::int64_t>((row + warp_threads - 1) / warp_threads, 1, 32);
        NTPGEO_CHECK(launch(kernels::sum_rows, static_cast<unsigned>(blocks),
                            static_cast<unsigned>(warps * warp_threads), 0, stream, from, row, parts, to));
    };
    const std::int64_t parts = row_totals_size(1, size) - 1;
    double* const part_sums = totals + rows;
    if (parts > 0) sum(values, rows * parts, size, parts, part_sums);
    sum(parts > 0 ? part_sums : values, rows, parts > 0 ? parts : size, 1, totals);
}

std::vector<double> fetch_row_sums(Device& device, double* values, std::int64_t rows, std::int64_t size) {
    double* const totals = values + rows * size;
    sum_rows(values, rows, size, totals, device.stream());
    std::vector<double> host(static_cast<std::size_t>(rows));
    NTPGEO_CHECK(cudaMemcpyAsync(host.data(), totals, host.size() * sizeof(double), cudaMemcpyDeviceToHost,
                                 device.stream()));
    device.synchronise();
    return host;
}

}  // namespace ntpgeo::device
