#include "kernels/vectors/sums.cuh"

#include <algorithm>
#include <port.cuh>

#include "kernels/vectors/reduce.cuh"

namespace ntpgeo::device {
namespace kernels {

/// A block a row.
__global__ void sum_rows(const double* values, std::int64_t size, double* totals) {
    SHARED_ARRAY(double, scratch, warp_threads);
    double sum = 0;
    for (std::int64_t j = threadIdx.x; j < size; j += blockDim.x) sum += values[blockIdx.x * size + j];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) totals[blockIdx.x] = sum;
}

}  // namespace kernels

void sum_rows(const double* values, std::int64_t rows, std::int64_t size, double* totals,
              cudaStream_t stream) {
    if (rows == 0) return;
    const std::int64_t warps = std::clamp<std::int64_t>((size + warp_threads - 1) / warp_threads, 1, 32);
    NTPGEO_CHECK(launch(kernels::sum_rows, static_cast<unsigned>(rows),
                        static_cast<unsigned>(warps * warp_threads), 0, stream, values, size, totals));
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
