// What a metrics record reads off the logits, and the sums over all contexts, on CUDA.
#pragma once

#include <port.cuh>

#include <limits>

#include "kernels/device/reduce.cuh"
#include "kernels/device/status.cuh"

namespace ntpgeo::anchored_xent::cuda {

inline constexpr int column_threads = 32;  // columns a block
inline constexpr int row_threads = 8;      // rows that are summed side by side

/// mean [columns] over the rows of a [rows, columns]: eight interleaved sums a column, added in order.
template <class T>
__global__ void __launch_bounds__(column_threads* row_threads)
    mean_row_kernel(const T* __restrict__ a, double* __restrict__ mean, std::int64_t rows,
                    std::int64_t columns) {
    SHARED_ARRAY(double, partial, column_threads* row_threads);
    const std::int64_t column = blockIdx.x * column_threads + threadIdx.x;
    double sum = 0;
    if (column < columns)
        for (std::int64_t row = threadIdx.y; row < rows; row += row_threads)
            sum += static_cast<double>(a[row * columns + column]);
    partial[threadIdx.y * column_threads + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || column >= columns) return;
    for (int k = 1; k < row_threads; ++k) sum += partial[k * column_threads + threadIdx.x];
    mean[column] = sum / static_cast<double>(rows);
}

template <class T>
void mean_row(const T* a, double* mean, std::int64_t rows, std::int64_t columns, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((columns + column_threads - 1) / column_threads);
    NTPGEO_CHECK(launch(mean_row_kernel<T>, dim3(blocks), dim3(column_threads, row_threads), 0, stream, a,
                        mean, rows, columns));
}

/// One chunk; the three outputs as in LossDetail, at the chunk's first context.
template <class T, class Logit>
struct DetailArguments {
    const T* contexts;        // [size, dim]
    const double* mean_word;  // [dim]
    const Logit* logits;      // [size, stride], −infinity at the support
    std::int64_t dim, vocab, stride;
    double* mean_logits;
    double* off_support_max;
    double* off_support_square;
};

inline constexpr int detail_threads = 256;

/// A block a context.
template <class T, class Logit>
__global__ void __launch_bounds__(detail_threads) detail_kernel(DetailArguments<T, Logit> a) {
    SHARED_ARRAY(double, scratch, 32);
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    const std::int64_t b = blockIdx.x;
    double mean = 0;
    for (std::int64_t k = threadIdx.x; k < a.dim; k += detail_threads)
        mean += a.mean_word[k] * static_cast<double>(a.contexts[b * a.dim + k]);
    mean = device::block_sum(mean, scratch);
    double maximum = nothing, square = 0;
    for (std::int64_t v = threadIdx.x; v < a.vocab; v += detail_threads) {
        const double z = a.logits[b * a.stride + v];
        if (z == nothing) continue;
        maximum = device::larger(maximum, z);
        square += (z - mean) * (z - mean);
    }
    maximum = device::block_max(maximum, scratch);
    square = device::block_sum(square, scratch);
    if (threadIdx.x != 0) return;
    a.mean_logits[b] = mean;
    a.off_support_max[b] = maximum;
    a.off_support_square[b] = square;
}

template <class T, class Logit>
void detail(const DetailArguments<T, Logit>& arguments, std::int64_t size, cudaStream_t stream) {
    NTPGEO_CHECK(launch(detail_kernel<T, Logit>, dim3(static_cast<unsigned>(size)), dim3(detail_threads), 0,
                        stream, arguments));
}

inline constexpr int sum_threads = 1024;

/// out[r] = Σ_j values[r·size + j]; a block a sum, in an order that depends on the size alone.
inline __global__ void __launch_bounds__(sum_threads)
    sum_kernel(const double* __restrict__ values, double* __restrict__ out, std::int64_t size) {
    SHARED_ARRAY(double, scratch, 32);
    double sum = 0;
    for (std::int64_t j = threadIdx.x; j < size; j += sum_threads) sum += values[blockIdx.x * size + j];
    sum = device::block_sum(sum, scratch);
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

}  // namespace ntpgeo::anchored_xent::cuda
