// The small kernels beside the timed ones: they fill operands, and check what a library or a kernel made of
// them by plain sums.
#pragma once

#include <port.cuh>

#include <cstdint>

#include "kernels/operands/operands.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::bench {

inline constexpr int kernel_threads = 256;
inline constexpr int fill_blocks = 1024;

/// Numbers in (−1, 1), of 8 bits each, so that every operand type holds them exactly: SplitMix64 of the
/// index.
template <class Element>
__global__ void fill_kernel(Element* to, std::int64_t size, std::uint64_t seed) {
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < size;
         i += step) {
        std::uint64_t bits =
            seed * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(i) * 0xbf58476d1ce4e5b9ULL;
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ULL;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebULL;
        const float value = (static_cast<float>((bits >> 40) & 0xff) - 127.5F) / 128;
        to[i] = static_cast<Element>(value);
    }
}

/// out = Σ_i a[i·step_a]·b[i·step_b] in fp64, one block.
template <class Element>
__global__ void __launch_bounds__(kernel_threads)
    dot_kernel(const Element* a, std::int64_t step_a, const Element* b, std::int64_t step_b,
               std::int64_t size, double* out) {
    SHARED_ARRAY(double, scratch, 32);
    double sum = 0;
    for (std::int64_t i = threadIdx.x; i < size; i += kernel_threads)
        sum += static_cast<double>(operands::widen(a[i * step_a])) *
               static_cast<double>(operands::widen(b[i * step_b]));
    sum = device::block_sum(sum, scratch);
    if (threadIdx.x == 0) *out = sum;
}

/// partial [blocks, 2]: Σ (gradient − reference)² and Σ reference² of a block's share.
template <class T>
__global__ void __launch_bounds__(kernel_threads)
    difference_kernel(const T* gradient, const double* reference, std::int64_t size, double* partial) {
    SHARED_ARRAY(double, scratch, 32);
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kernel_threads;
    double difference = 0, norm = 0;
    for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(kernel_threads) + threadIdx.x; i < size;
         i += step) {
        const double off = static_cast<double>(gradient[i]) - reference[i];
        difference += off * off;
        norm += reference[i] * reference[i];
    }
    difference = device::block_sum(difference, scratch);
    norm = device::block_sum(norm, scratch);
    if (threadIdx.x == 0) {
        partial[2 * blockIdx.x] = difference;
        partial[2 * blockIdx.x + 1] = norm;
    }
}

}  // namespace ntpgeo::bench
