// Sums and maxima over a warp, over a block and over what kernels have left in device memory, in a fixed
// order: the same numbers give the same bits. And bisection.
#pragma once

#include <cstdint>
#include <port.cuh>
#include <vector>

#include "kernels/base/views.hpp"
#include "kernels/device/device.cuh"

namespace ntpgeo::device {

inline constexpr unsigned full_warp = 0xffffffffU;
inline constexpr int warp_threads = 32;

// Warp and block reductions are ours, not CUB's: CUB's need its blocks' sizes at compile time, leave the
// result in one thread, and an order that its tuning decides.

/// The sum over the warp's 32 lanes, all of which must call this; every lane gets the same bits, since each
/// step adds the same two numbers in both partners.
template <class T>
__device__ inline T warp_sum(T value) {
    for (int distance = warp_threads / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(full_warp, value, distance);
    return value;
}

/// The sum over a one-dimensional block of whole warps, in every thread; every thread of the block must call
/// this. `scratch` holds 32 values in shared memory and may be used again right afterwards.
template <class T>
__device__ inline T block_sum(T value, T* scratch) {
    const unsigned warp = threadIdx.x / warp_threads, lane = threadIdx.x % warp_threads;
    value = warp_sum(value);
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    value = warp_sum(lane < blockDim.x / warp_threads ? scratch[lane] : T{0});
    __syncthreads();
    return value;
}

/// The larger of the two; NaN only where `a` is.
template <class T>
__device__ inline T larger(T a, T b) {
    return a < b ? b : a;
}

/// The largest of the warp's 32 values, otherwise as warp_sum.
template <class T>
__device__ inline T warp_max(T value) {
    for (int distance = warp_threads / 2; distance > 0; distance /= 2)
        value = larger(value, __shfl_xor_sync(full_warp, value, distance));
    return value;
}

/// The maximum over a one-dimensional block of whole warps, in every thread; otherwise as block_sum.
template <class T>
__device__ inline T block_max(T value, T* scratch) {
    const unsigned warp = threadIdx.x / warp_threads, lane = threadIdx.x % warp_threads;
    value = warp_max(value);
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    value = warp_max(scratch[lane < blockDim.x / warp_threads ? lane : 0]);
    __syncthreads();
    return value;
}

/// Rows are summed by parts of so many elements, each in a block of its own; then the parts' sums are.
inline constexpr std::int64_t row_part = 4096;

/// Numbers that sum_rows writes for `rows` rows of `size` elements.
constexpr std::int64_t row_totals_size(std::int64_t rows, std::int64_t size) {
    return rows * (size > row_part ? 1 + (size + row_part - 1) / row_part : 1);
}

/// totals[r] = Σ_j values[r·size + j] for `rows` rows, queued on `stream`, in an order that `size` alone
/// decides. `totals` [row_totals_size(rows, size)]: behind the totals come the sums of long rows' parts.
void sum_rows(const double* values, std::int64_t rows, std::int64_t size, double* totals,
              cudaStream_t stream);

/// *total = ⟨x, y⟩ in device memory, queued on its stream, in an order that the size alone decides; through
/// the device's partials.
void queue_dot(Device& device, Vector x, Vector y, double* total);

/// Room for what fetch_row_sums takes: the rows and what becomes of them.
constexpr std::int64_t rows_to_fetch_size(std::int64_t rows, std::int64_t size) {
    return rows * size + row_totals_size(rows, size);
}

/// The totals of sum_rows on the host, once everything queued before has run. `values`
/// [rows_to_fetch_size(rows, size)] begins with the rows.
std::vector<double> fetch_row_sums(Device& device, double* values, std::int64_t rows, std::int64_t size);

/// The least of `size` > 0 values, none of them NaN, on the host, once everything queued before has run.
/// `values` [size + 1]: the last is where it is left.
double fetch_minimum(Device& device, double* values, std::int64_t size);

/// Where `value` stands among the strictly ascending `sorted` [size]; −1 where it does not.
__device__ inline std::int64_t position(const std::int32_t* sorted, std::int64_t size, std::int64_t value) {
    std::int64_t low = 0, high = size;
    while (low < high) {
        const std::int64_t middle = (low + high) / 2;
        if (sorted[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < size && sorted[low] == value ? low : -1;
}

}  // namespace ntpgeo::device
