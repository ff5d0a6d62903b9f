// Sums down the columns of a matrix, in fp64 and in a fixed order.
#pragma once

#include <port.cuh>

#include <cstdint>

#include "kernels/device/status.cuh"

namespace ntpgeo::anchored_xent::cuda {

inline constexpr int column_threads = 32;  // columns a block
inline constexpr int row_threads = 8;      // rows that are summed side by side

/// out [columns] = Σ over the rows of a [rows, stride], over `divisor`: eight interleaved sums a column,
/// added in order.
template <class T>
__global__ void __launch_bounds__(column_threads* row_threads)
    column_sums_kernel(const T* __restrict__ a, double* __restrict__ out, std::int64_t rows,
                       std::int64_t columns, std::int64_t stride, double divisor) {
    SHARED_ARRAY(double, partial, column_threads* row_threads);
    const std::int64_t column = blockIdx.x * column_threads + threadIdx.x;
    double sum = 0;
    if (column < columns)
        for (std::int64_t row = threadIdx.y; row < rows; row += row_threads)
            sum += static_cast<double>(a[row * stride + column]);
    partial[threadIdx.y * column_threads + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || column >= columns) return;
    for (int k = 1; k < row_threads; ++k) sum += partial[k * column_threads + threadIdx.x];
    out[column] = sum / divisor;
}

template <class T>
void column_sums(const T* a, double* out, std::int64_t rows, std::int64_t columns, std::int64_t stride,
                 double divisor, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((columns + column_threads - 1) / column_threads);
    NTPGEO_CHECK(launch(column_sums_kernel<T>, dim3(blocks), dim3(column_threads, row_threads), 0, stream, a,
                        out, rows, columns, stride, divisor));
}

/// mean [columns] over the rows of a [rows, columns].
template <class T>
void mean_row(const T* a, double* mean, std::int64_t rows, std::int64_t columns, cudaStream_t stream) {
    column_sums(a, mean, rows, columns, columns, static_cast<double>(rows), stream);
}

}  // namespace ntpgeo::anchored_xent::cuda
