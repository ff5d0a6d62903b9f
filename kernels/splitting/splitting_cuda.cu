#include "kernels/splitting/splitting.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <port.cuh>
#include <string>

#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::splitting_cuda {
namespace {

constexpr int threads = 256;
constexpr std::int64_t most_blocks = 1024;
// What a thread keeps sums for in registers: the acceleration's window.
constexpr int rows_at_once = SplittingOperations::most_rows;
constexpr int most_row_blocks = 32;  // that a launch knows the addresses of

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

/// One step; squares[block] = Σ g² over the block's elements, and behind those of all blocks as many of Σ z².
/// Kept by hand: it reads and writes each array once, and no device-wide call writes five arrays and reduces
/// as it goes.
__global__ void splitting_step(double relaxation, StepArrays a, std::int64_t size, double* squares) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    double sum = 0, point = 0;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride) {
        const double z = a.z[i], g = relaxation * (a.x[i] - z), y = a.y[i] + g;
        if (a.residual_change) {
            a.residual_change[i] = static_cast<float>(g - a.residual[i]);
            a.moved_change[i] = static_cast<float>(y - a.moved[i]);
        }
        a.residual[i] = g;
        a.y[i] = y;
        a.moved[i] = y;
        sum = std::fma(g, g, sum);
        point = std::fma(z, z, point);
    }
    sum = device::block_sum(sum, scratch);
    point = device::block_sum(point, scratch);
    if (threadIdx.x != 0) return;
    squares[blockIdx.x] = sum;
    squares[gridDim.x + blockIdx.x] = point;
}

/// Rows in several places: `rows[k]` points to counts[k] ≤ rows_at_once of them.
struct RowBlocks {
    const float* rows[most_row_blocks];
    int counts[most_row_blocks];
};

/// For row q of block k of rows, which is row p = k·rows_at_once + q of all: partial[p, block] = ⟨row, x⟩
/// over the block's elements, and where `chosen` is not null partial[all + p, block] = ⟨row, chosen⟩, for
/// `all` rows of `size` elements. blockIdx.y: k. Kept by hand, as dot_partials is: fma, and bits that no
/// GPU's tuning decides; and x is read once for a block of rows.
__global__ void row_products(RowBlocks blocks, std::int64_t all, const float* chosen, const double* x,
                             std::int64_t size, std::int64_t pitch, double* partial) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const float* const rows = blocks.rows[blockIdx.y];
    const int count = blocks.counts[blockIdx.y];
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    double with_row[rows_at_once] = {}, with_vector[rows_at_once] = {};
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride) {
        const double other = chosen ? chosen[i] : 0.0F, value = x[i];
#pragma unroll
        for (int q = 0; q < rows_at_once; ++q) {
            if (q >= count) continue;
            const double own = rows[q * pitch + i];
            with_row[q] = std::fma(own, other, with_row[q]);
            with_vector[q] = std::fma(own, value, with_vector[q]);
        }
    }
#pragma unroll
    for (int q = 0; q < rows_at_once; ++q) {
        if (q >= count) continue;
        const std::int64_t row = std::int64_t{blockIdx.y} * rows_at_once + q;
        const double vector_sum = device::block_sum(with_vector[q], scratch);
        if (threadIdx.x == 0) partial[row * gridDim.x + blockIdx.x] = vector_sum;
        if (!chosen) continue;
        const double row_sum = device::block_sum(with_row[q], scratch);
        if (threadIdx.x == 0) partial[(all + row) * gridDim.x + blockIdx.x] = row_sum;
    }
}

/// w −= Σ shares·rows over the rows of `count` blocks, subtracted in their order; squares[block] = Σ w² of
/// what is left over the block's elements.
__global__ void subtract_shares(const double* shares, RowBlocks blocks, int count, double* w,
                                std::int64_t size, double* squares) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    double sum = 0;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride) {
        double value = w[i];
        for (int k = 0; k < count; ++k) {
            const float* const rows = blocks.rows[k];
#pragma unroll
            for (int q = 0; q < rows_at_once; ++q)
                if (q < blocks.counts[k]) value -= shares[k * rows_at_once + q] * rows[q * size + i];
        }
        w[i] = value;
        sum = std::fma(value, value, sum);
    }
    sum = device::block_sum(sum, scratch);
    if (threadIdx.x == 0) squares[blockIdx.x] = sum;
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

namespace {

void require_room(std::int64_t blocks) {
    if (blocks > most_row_blocks) throw Failure("too many blocks of rows, " + std::to_string(blocks));
}

/// `count` rows of `size` elements one behind the other.
kernels::RowBlocks row_blocks(const float* rows, std::int64_t count, std::int64_t size) {
    kernels::RowBlocks blocks{};
    require_room((count + rows_at_once - 1) / rows_at_once);
    for (std::int64_t first = 0, k = 0; first < count; first += rows_at_once, ++k) {
        blocks.rows[k] = rows + first * size;
        blocks.counts[k] = static_cast<int>(std::min<std::int64_t>(count - first, rows_at_once));
    }
    return blocks;
}

/// Blocks of rows in memory of their own, from element `first` of each row on.
kernels::RowBlocks row_blocks(const std::vector<Matrix>& blocks_of_rows, std::int64_t first) {
    kernels::RowBlocks blocks{};
    require_room(std::ssize(blocks_of_rows));
    for (std::size_t k = 0; k < blocks_of_rows.size(); ++k) {
        blocks.rows[k] = blocks_of_rows[k].as<float>() + first;
        blocks.counts[k] = static_cast<int>(blocks_of_rows[k].rows);
    }
    return blocks;
}

std::int64_t rows_of(const std::vector<Matrix>& blocks_of_rows) {
    std::int64_t count = 0;
    for (const Matrix& rows : blocks_of_rows) count += rows.rows;
    return count;
}

dim3 row_grid(std::int64_t blocks, std::int64_t rows) {
    return {static_cast<unsigned>(blocks), static_cast<unsigned>((rows + rows_at_once - 1) / rows_at_once)};
}

}  // namespace

}  // namespace ntpgeo::splitting_cuda

namespace ntpgeo {
using namespace splitting_cuda;

SplittingSums CudaSplittingOperations::splitting_step(double relaxation, const SplittingStep& step) {
    const std::int64_t size = step.y.size, width = step.history.data ? step.history.rows : 0;
    SplittingSums sums;
    sums.with_row.resize(static_cast<std::size_t>(width));
    sums.with_vector.resize(static_cast<std::size_t>(width));
    if (size == 0) return sums;
    const kernels::StepArrays arrays{step.x.as<double>(),          step.z.as<double>(),
                                     step.y.as<double>(),          step.residual.as<double>(),
                                     step.moved.as<double>(),      step.residual_change.as<float>(),
                                     step.moved_change.as<float>()};
    const unsigned blocks = blocks_for(size);
    const std::int64_t rows = 2 + 2 * width;  // of sums: two of the step, two a row of the history
    double* const partial = device_.scratch<double>(device::rows_to_fetch_size(rows, blocks));
    NTPGEO_CHECK(launch(kernels::splitting_step, blocks, threads, 0, device_.stream(), relaxation, arrays,
                        size, partial));
    if (width > 0) {
        const float* const history = step.history.as<float>();
        NTPGEO_CHECK(launch(kernels::row_products, row_grid(blocks, width), dim3(threads), 0,
                            device_.stream(), row_blocks(history, width, size), width,
                            history + step.row * size, step.residual.as<double>(), size, size,
                            partial + 2 * std::int64_t{blocks}));
    }
    const std::vector<double> totals = device::fetch_row_sums(device_, partial, rows, blocks);
    sums.step = totals[0];
    sums.point = totals[1];
    std::copy_n(totals.begin() + 2, width, sums.with_vector.begin());
    std::copy_n(totals.begin() + 2 + width, width, sums.with_row.begin());
    return sums;
}

// The shares stay on the device until the rest is known too: one copy, one wait.
Shares CudaSplittingOperations::orthogonalise(const std::vector<Matrix>& blocks_of_rows, Vector w) {
    const std::int64_t size = w.size;
    const kernels::RowBlocks rows = row_blocks(blocks_of_rows, 0);
    const std::int64_t count = rows_of(blocks_of_rows);
    Shares shares{std::vector<double>(static_cast<std::size_t>(count), 0.0)};
    if (size == 0) return shares;
    // Partial products, then squares; the totals of the former with that of the latter behind them, and what
    // sum_rows leaves besides.
    const std::int64_t blocks = blocks_for(size), partials = (count + 1) * blocks;
    double* const partial = device_.scratch<double>(partials + count + device::row_totals_size(1, blocks));
    double* const totals = partial + partials;
    if (count > 0)
        NTPGEO_CHECK(launch(kernels::row_products, row_grid(blocks, count), dim3(threads), 0,
                            device_.stream(), rows, count, static_cast<const float*>(nullptr), w.as<double>(),
                            size, size, partial));
    device::sum_rows(partial, count, blocks, totals, device_.stream());
    NTPGEO_CHECK(launch(kernels::subtract_shares, static_cast<unsigned>(blocks), threads, 0, device_.stream(),
                        totals, rows, static_cast<int>(blocks_of_rows.size()), w.as<double>(), size,
                        partial + count * blocks));
    device::sum_rows(partial + count * blocks, 1, blocks, totals + count, device_.stream());
    std::vector<double> host(static_cast<std::size_t>(count + 1));
    NTPGEO_CHECK(cudaMemcpyAsync(host.data(), totals, host.size() * sizeof(double), cudaMemcpyDeviceToHost,
                                 device_.stream()));
    device_.synchronise();
    std::copy_n(host.begin(), count, shares.of_rows.begin());
    shares.rest = host.back();
    return shares;
}

std::vector<double> CudaSplittingOperations::row_products(const std::vector<Matrix>& blocks_of_rows, Vector w,
                                                          std::int64_t first, std::int64_t count) {
    const kernels::RowBlocks rows = row_blocks(blocks_of_rows, first);
    const std::int64_t all = rows_of(blocks_of_rows);
    if (count == 0 || all == 0) return std::vector<double>(static_cast<std::size_t>(all), 0.0);
    const std::int64_t blocks = blocks_for(count);
    double* const partial = device_.scratch<double>(device::rows_to_fetch_size(all, blocks));
    NTPGEO_CHECK(launch(kernels::row_products, row_grid(blocks, all), dim3(threads), 0, device_.stream(),
                        rows, all, static_cast<const float*>(nullptr), w.as<double>() + first, count, w.size,
                        partial));
    return device::fetch_row_sums(device_, partial, all, blocks);
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
