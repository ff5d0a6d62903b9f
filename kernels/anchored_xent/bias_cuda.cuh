// The bias of a caller's logits on CUDA.
#pragma once

#include <algorithm>
#include <cstdint>
#include <port.cuh>

#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/operands/stored.cuh"

namespace ntpgeo::anchored_xent::cuda {

using namespace operands;

inline constexpr int bias_threads = 256;

/// out [size] of stored numbers, one after the other.
__global__ void __launch_bounds__(bias_threads) widen_bias_kernel(StoredMatrix bias, double* out) {
    const std::int64_t v = static_cast<std::int64_t>(blockIdx.x) * bias_threads + threadIdx.x;
    if (v >= bias.rows) return;
    with_stored(bias.data, bias.storage,
                [&](const auto* stored) { out[v] = static_cast<double>(widen(stored[v])); });
}
inline void widen_bias(const StoredMatrix& bias, double* out, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((bias.rows + bias_threads - 1) / bias_threads);
    NTPGEO_CHECK(launch(widen_bias_kernel, dim3(blocks), dim3(bias_threads), 0, stream, bias, out));
}

/// logits [size, stride] = bias [vocab], for a product to be added to; 0 in the padding. Grid (blocks, size).
template <class Logit>
__global__ void __launch_bounds__(bias_threads)
    fill_with_bias_kernel(const double* __restrict__ bias, Logit* __restrict__ logits, std::int64_t vocab,
                          std::int64_t stride) {
    const std::int64_t v = static_cast<std::int64_t>(blockIdx.x) * bias_threads + threadIdx.x;
    if (v < stride) logits[blockIdx.y * stride + v] = v < vocab ? static_cast<Logit>(bias[v]) : Logit{0};
}
template <class Logit>
void fill_with_bias(const double* bias, Logit* logits, std::int64_t vocab, std::int64_t stride,
                    std::int64_t size, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((stride + bias_threads - 1) / bias_threads);
    NTPGEO_CHECK(launch(fill_with_bias_kernel<Logit>, dim3(blocks, static_cast<unsigned>(size)),
                        dim3(bias_threads), 0, stream, bias, logits, vocab, stride));
}

/// sums [vocab] = or += Σ_b scale_b·Ĝ_b over `size` contexts in their order, in fp64. exponentials: as
/// stream_kernel's.
template <class A>
__global__ void __launch_bounds__(bias_threads)
    bias_gradient_kernel(const typename A::Operand* __restrict__ exponentials, std::int64_t plane,
                         const double* __restrict__ scale, std::int64_t vocab, std::int64_t stride,
                         std::int64_t size, bool adds, double* __restrict__ sums) {
    const std::int64_t v = static_cast<std::int64_t>(blockIdx.x) * bias_threads + threadIdx.x;
    if (v >= vocab) return;
    double sum = adds ? sums[v] : 0.0;
    for (std::int64_t b = 0; b < size; ++b) {
        double entry = 0;
        for (int t = 0; t < A::terms; ++t)
            entry += static_cast<double>(widen(exponentials[t * plane + b * stride + v]));
        sum = fma(scale[b], entry, sum);
    }
    sums[v] = sum;
}
template <class A>
void add_bias_gradients(const typename A::Operand* exponentials, std::int64_t plane, const double* scale,
                        std::int64_t vocab, std::int64_t stride, std::int64_t size, bool adds, double* sums,
                        cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((vocab + bias_threads - 1) / bias_threads);
    NTPGEO_CHECK(launch(bias_gradient_kernel<A>, dim3(blocks), dim3(bias_threads), 0, stream, exponentials,
                        plane, scale, vocab, stride, size, adds, sums));
}

/// A vector of stored numbers, one after the other, as one row.
inline StoredMatrix as_row(const StoredMatrix& vector) {
    return {vector.data, vector.storage, 1, vector.rows, vector.rows};
}

}  // namespace ntpgeo::anchored_xent::cuda
