#include <algorithm>
#include <cmath>
#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/smoothing/slack.hpp"
#include "kernels/smoothing/smoothing.hpp"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::smoothing_cuda {
namespace {

constexpr std::int64_t most_row_threads = 256;
constexpr int tile = 32;      // of a square matrix whose mirror images meet
constexpr int tile_rows = 8;  // that a block has threads for
constexpr int line_threads = 256;
constexpr std::int64_t most_blocks = 65536;

/// A thread an entry as far as that goes, in whole warps.
unsigned row_threads(std::int64_t columns) {
    constexpr std::int64_t warp = device::warp_threads;
    return static_cast<unsigned>(std::min((columns + warp - 1) / warp * warp, most_row_threads));
}

}  // namespace

namespace kernels {

/// A block a row. The level as smoothed_level in smoothing_cpu.cpp finds it.
template <class T>
__global__ void __launch_bounds__(most_row_threads)
    smooth_margins(LabelsView labels, const double* margins, double product, const double* y, double* levels,
                   double* z, double* reflected, T* weights) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t begin = labels.indptr[blockIdx.x], size = labels.indptr[blockIdx.x + 1] - begin;
    const std::int32_t* const words = labels.indices + begin;
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double margin = margins[blockIdx.x];
    double support_sum = 0;
    for (std::int64_t s = threadIdx.x; s < size; s += blockDim.x) support_sum += y[row + words[s]];
    support_sum = device::block_sum(support_sum, scratch);
    const auto support_size = static_cast<double>(size);
    double level = levels[blockIdx.x];
    if (std::isnan(level)) level = support_sum / support_size;
    for (int pass = 0; pass < smoothing::most_passes; ++pass) {
        double multipliers = 0, slope = 0;
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
            if (device::position(words, size, v) >= 0) continue;
            const auto entry = smoothing::slack_of(level - margin - y[row + v], product);
            multipliers += entry.u;
            slope += entry.u / entry.root;
        }
        multipliers = device::block_sum(multipliers, scratch);
        slope = device::block_sum(slope, scratch);
        const double step = (support_sum + multipliers - support_size * level) / (support_size + slope);
        level += step;
        if (smoothing::is_last_step(step, level, margin, pass)) break;
    }
    // Every thread has read the level before the barriers of the first sum.
    if (threadIdx.x == 0) levels[blockIdx.x] = level;
    const double cap = level - margin;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        const double from = y[row + v];
        const bool on_support = device::position(words, size, v) >= 0;
        const auto entry = smoothing::slack_of(cap - from, product);
        const double to = on_support ? level : cap - entry.slack;
        z[row + v] = to;
        reflected[row + v] = 2 * to - from;
        weights[row + v] = on_support ? T{1} : static_cast<T>(entry.u / entry.root);
    }
}

/// A block a row.
template <class T>
__global__ void __launch_bounds__(most_row_threads)
    project_direction(const T* weights, const T* direction, std::int64_t columns, T* projected,
                      T* reflected) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t row = blockIdx.x * columns;
    double moved = 0, total = 0;
    for (std::int64_t v = threadIdx.x; v < columns; v += blockDim.x) {
        moved += static_cast<double>(weights[row + v]) * direction[row + v];
        total += weights[row + v];
    }
    moved = device::block_sum(moved, scratch);
    total = device::block_sum(total, scratch);
    const T level = static_cast<T>(moved / total);
    for (std::int64_t v = threadIdx.x; v < columns; v += blockDim.x) {
        const T d = direction[row + v], to = d + weights[row + v] * (level - d);
        projected[row + v] = to;
        reflected[row + v] = 2 * to - d;
    }
}

/// Block (x, y), x ≤ y, has the tile in row x and column y, and its mirror image. A tile's rows in shared
/// memory are one longer than they must be: its columns then lie in different banks.
template <class T>
__global__ void weigh_symmetric_part(const T* weights, T* h, std::int64_t n) {
    SHARED_ARRAY(T, upper, tile * (tile + 1));
    SHARED_ARRAY(T, lower, tile * (tile + 1));
    if (blockIdx.y < blockIdx.x) return;
    const int column = static_cast<int>(threadIdx.x);
    const std::int64_t first = std::int64_t{blockIdx.x} * tile, second = std::int64_t{blockIdx.y} * tile;
    for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows) {
        if (first + i < n && second + column < n)
            upper[i * (tile + 1) + column] = h[(first + i) * n + second + column];
        if (second + i < n && first + column < n)
            lower[i * (tile + 1) + column] = h[(second + i) * n + first + column];
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows) {
        if (first + i < n && second + column < n) {
            const std::int64_t at = (first + i) * n + second + column;
            h[at] = weights[at] * (upper[i * (tile + 1) + column] + lower[column * (tile + 1) + i]);
        }
        if (first != second && second + i < n) {  // the tile in the earlier row is whole
            const std::int64_t at = (second + i) * n + first + column;
            h[at] = weights[at] * (upper[column * (tile + 1) + i] + lower[i * (tile + 1) + column]);
        }
    }
}

template <class T>
__global__ void scale_lines(const T* factors, bool by_column, T* a, std::int64_t size, std::int64_t columns) {
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride)
        a[i] *= factors[by_column ? i % columns : i / columns];
}

}  // namespace kernels

}  // namespace ntpgeo::smoothing_cuda

namespace ntpgeo {
using namespace smoothing_cuda;

void CudaSmoothingOperations::smooth_margins(const LabelsView& labels, const double* margins,
                                             const Smoothing& smoothing, Matrix y, double* levels, Matrix z,
                                             Matrix reflected, Matrix weights) {
    if (labels.contexts == 0) return;
    with_real(weights.real, [&]<class T>(T) {
        NTPGEO_CHECK(launch(kernels::smooth_margins<T>, static_cast<unsigned>(labels.contexts),
                            row_threads(labels.vocab_size), 0, device_.stream(), labels, margins,
                            smoothing.tau * smoothing.nu, y.as<double>(), levels, z.as<double>(),
                            reflected.as<double>(), weights.as<T>()));
    });
}

void CudaSmoothingOperations::project_direction(Matrix weights, Matrix direction, Matrix projected,
                                                Matrix reflected) {
    if (weights.rows == 0) return;
    with_real(weights.real, [&]<class T>(T) {
        NTPGEO_CHECK(launch(kernels::project_direction<T>, static_cast<unsigned>(weights.rows),
                            row_threads(weights.columns), 0, device_.stream(), weights.as<T>(),
                            direction.as<T>(), weights.columns, projected.as<T>(), reflected.as<T>()));
    });
}

void CudaSmoothingOperations::weigh_symmetric_part(Matrix weights, Matrix h) {
    if (h.rows == 0) return;
    const auto tiles = static_cast<unsigned>((h.rows + tile - 1) / tile);
    with_real(h.real, [&]<class T>(T) {
        NTPGEO_CHECK(launch(kernels::weigh_symmetric_part<T>, dim3(tiles, tiles), dim3(tile, tile_rows), 0,
                            device_.stream(), weights.as<T>(), h.as<T>(), h.rows));
    });
}

void CudaSmoothingOperations::scale_lines(Vector factors, bool columns, Matrix a) {
    const std::int64_t size = a.rows * a.columns;
    if (size == 0) return;
    const auto blocks =
        static_cast<unsigned>(std::min((size + line_threads - 1) / line_threads, most_blocks));
    with_real(a.real, [&]<class T>(T) {
        NTPGEO_CHECK(launch(kernels::scale_lines<T>, blocks, line_threads, 0, device_.stream(),
                            factors.as<T>(), columns, a.as<T>(), size, a.columns));
    });
}

}  // namespace ntpgeo
