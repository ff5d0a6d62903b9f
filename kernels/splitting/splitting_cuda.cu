#include "kernels/splitting/splitting.hpp"

#include <algorithm>
#include <cmath>
#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::splitting_cuda {
namespace {

constexpr int threads = 256;
constexpr std::int64_t most_blocks = 1024;
constexpr int rows_at_once = 10;  // what a thread keeps sums for in registers: the acceleration's window

unsigned blocks_for(std::int64_t size) {
    return static_cast<unsigned>(std::min((size + threads - 1) / threads, most_blocks));
}

}  // namespace

namespace kernels {

/// The addresses of a SplittingStep.
struct StepArrays {
    const double *x, *z;
    double *y, *residual, *moved;
    float *residual_change, *moved_change;  // null where there was no step before
};

/// One step; squares[block] = Σ g² over the block's elements. Kept by hand: it reads and writes each array
/// once, and no device-wide call writes five arrays and reduces as it goes.
__global__ void splitting_step(double relaxation, StepArrays a, std::int64_t size, double* squares) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    double sum = 0;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride) {
        const double g = relaxation * (a.x[i] - a.z[i]), y = a.y[i] + g;
        if (a.residual_change) {
            a.residual_change[i] = static_cast<float>(g - a.residual[i]);
            a.moved_change[i] = static_cast<float>(y - a.moved[i]);
        }
        a.residual[i] = g;
        a.y[i] = y;
        a.moved[i] = y;
        sum = std::fma(g, g, sum);
    }
    sum = device::block_sum(sum, scratch);
    if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

/// partial[2q, block] = ⟨rows[q], chosen⟩ and partial[2q + 1, block] = ⟨rows[q], x⟩ over the block's
/// elements, for `count` ≤ rows_at_once rows of `size` elements; the former are 0 where `chosen` is null.
/// Kept by hand, as dot_partials is: fma, and bits that no GPU's tuning decides; and x is read once for all
/// rows.
__global__ void row_dots(const float* rows, int count, const float* chosen, const double* x,
                         std::int64_t size, double* partial) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    double with_row[rows_at_once] = {}, with_vector[rows_at_once] = {};
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride) {
        const double other = chosen ? chosen[i] : 0.0F, value = x[i];
#pragma unroll
        for (int q = 0; q < rows_at_once; ++q) {
            if (q >= count) continue;
            const double own = rows[q * size + i];
            with_row[q] = std::fma(own, other, with_row[q]);
            with_vector[q] = std::fma(own, value, with_vector[q]);
        }
    }
#pragma unroll
    for (int q = 0; q < rows_at_once; ++q) {
        if (q >= count) continue;
        const double row_sum = device::block_sum(with_row[q], scratch);
        const double vector_sum = device::block_sum(with_vector[q], scratch);
        if (threadIdx.x != 0) continue;
        partial[2 * q * std::int64_t{gridDim.x} + blockIdx.x] = row_sum;
        partial[(2 * q + 1) * std::int64_t{gridDim.x} + blockIdx.x] = vector_sum;
    }
}

struct Coefficients {
    double of_row[rows_at_once];
};

/// y −= Σ_q coefficients[q]·rows[q] over `count` ≤ rows_at_once rows, subtracted in their order.
__global__ void subtract_rows(Coefficients coefficients, const float* rows, int count, double* y,
                              std::int64_t size) {
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride) {
        double value = y[i];
#pragma unroll
        for (int q = 0; q < rows_at_once; ++q)
            if (q < count) value -= coefficients.of_row[q] * rows[q * size + i];
        y[i] = value;
    }
}

}  // namespace kernels

}  // namespace ntpgeo::splitting_cuda

namespace ntpgeo {
using namespace splitting_cuda;

double CudaSplittingOperations::splitting_step(double relaxation, const SplittingStep& step) {
    const std::int64_t size = step.y.size;
    if (size == 0) return 0;
    const kernels::StepArrays arrays{step.x.as<double>(),          step.z.as<double>(),
                                     step.y.as<double>(),          step.residual.as<double>(),
                                     step.moved.as<double>(),      step.residual_change.as<float>(),
                                     step.moved_change.as<float>()};
    const unsigned blocks = blocks_for(size);
    double* const squares = device_.scratch<double>(device::rows_to_fetch_size(1, blocks));
    NTPGEO_CHECK(launch(kernels::splitting_step, blocks, threads, 0, device_.stream(), relaxation, arrays,
                        size, squares));
    return device::fetch_row_sums(device_, squares, 1, blocks)[0];
}

RowDots CudaSplittingOperations::row_dots(Matrix rows, std::int64_t row, Vector x) {
    const std::int64_t size = x.size, width = rows.rows;
    RowDots dots{std::vector<double>(static_cast<std::size_t>(row == no_row ? 0 : width), 0.0),
                 std::vector<double>(static_cast<std::size_t>(width), 0.0)};
    if (size == 0) return dots;
    const float* const data = rows.as<float>();
    const float* const chosen = row == no_row ? nullptr : data + row * size;
    const unsigned blocks = blocks_for(size);
    double* const partial = device_.scratch<double>(device::rows_to_fetch_size(2 * width, blocks));
    for (std::int64_t first = 0; first < width; first += rows_at_once)
        NTPGEO_CHECK(launch(kernels::row_dots, blocks, threads, 0, device_.stream(), data + first * size,
                            static_cast<int>(std::min<std::int64_t>(width - first, rows_at_once)), chosen,
                            x.as<double>(), size, partial + 2 * first * blocks));
    const std::vector<double> sums = device::fetch_row_sums(device_, partial, 2 * width, blocks);
    for (std::int64_t q = 0; q < width; ++q) {
        if (chosen) dots.with_row[q] = sums[2 * q];
        dots.with_vector[q] = sums[2 * q + 1];
    }
    return dots;
}

void CudaSplittingOperations::subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) {
    const std::int64_t size = y.size;
    if (size == 0) return;
    for (std::int64_t first = 0; first < rows.rows; first += rows_at_once) {
        const std::int64_t count = std::min<std::int64_t>(rows.rows - first, rows_at_once);
        kernels::Coefficients some{};
        std::copy_n(coefficients.begin() + first, count, some.of_row);
        NTPGEO_CHECK(launch(kernels::subtract_rows, blocks_for(size), threads, 0, device_.stream(), some,
                            rows.as<float>() + first * size, static_cast<int>(count), y.as<double>(), size));
    }
}

}  // namespace ntpgeo
