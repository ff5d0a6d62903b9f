// What a metrics record reads off the logits, on CUDA.
#pragma once

#include <port.cuh>

#include <limits>

#include "kernels/anchored_xent/logits_cuda.cuh"
#include "kernels/device/status.cuh"
#include "kernels/vectors/reduce.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// One chunk; the three outputs as in LossDetail, at the chunk's first context.
template <class T, class Logits>
struct DetailArguments {
    const T* contexts;        // [size, dim]
    const double* mean_word;  // [dim]
    Logits logits;
    std::int64_t dim;
    double* mean_logits;
    double* off_support_max;
    double* off_support_square;
};

inline constexpr int detail_threads = 256;

/// A block a context.
template <class T, class Logits>
__global__ void __launch_bounds__(detail_threads) detail_kernel(DetailArguments<T, Logits> a) {
    SHARED_ARRAY(double, scratch, 32);
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    const std::int64_t b = blockIdx.x;
    double mean = 0;
    for (std::int64_t k = threadIdx.x; k < a.dim; k += detail_threads)
        mean += a.mean_word[k] * static_cast<double>(a.contexts[b * a.dim + k]);
    mean = device::block_sum(mean, scratch);
    double maximum = nothing, square = 0;
    a.logits.each(b, [&](std::int64_t, double z) {
        if (z == nothing) return;
        maximum = device::larger(maximum, z);
        square += (z - mean) * (z - mean);
    });
    maximum = device::block_max(maximum, scratch);
    square = device::block_sum(square, scratch);
    if (threadIdx.x != 0) return;
    a.mean_logits[b] = mean;
    a.off_support_max[b] = maximum;
    a.off_support_square[b] = square;
}

template <class T, class Logits>
void detail(const DetailArguments<T, Logits>& arguments, std::int64_t size, cudaStream_t stream) {
    NTPGEO_CHECK(launch(detail_kernel<T, Logits>, dim3(static_cast<unsigned>(size)), dim3(detail_threads), 0,
                        stream, arguments));
}

}  // namespace ntpgeo::anchored_xent::cuda
