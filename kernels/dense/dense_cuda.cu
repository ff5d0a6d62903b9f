#include "kernels/dense/dense.hpp"

#include <algorithm>
#include <limits>
#include <port.cuh>
#include <string>
#include <type_traits>

#include "kernels/device/device.cuh"

namespace ntpgeo::dense_cuda {
namespace {

constexpr int tile_columns = 32;
constexpr int tile_rows = 8;
constexpr int tile = 32;                 // of a matrix that is mirrored or transposed
constexpr std::int64_t slab_rows = 512;  // rows that one block sums
constexpr std::int64_t most_row_blocks = 4096;

std::int64_t ceiling(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

}  // namespace

namespace kernels {

/// partial[slab, k] = Σ a[i, k], or Σ a[i, k]², over the slab's rows. Blocks of [tile_rows, tile_columns]
/// threads; a thread takes every tile_rows-th row of its column, and the threads' sums are added in their
/// order.
template <bool squared>
__global__ void column_sums(const double* a, std::int64_t rows, std::int64_t columns, double* partial) {
    SHARED_ARRAY(double, sums, tile_rows* tile_columns);
    const std::int64_t k = std::int64_t{blockIdx.y} * tile_columns + threadIdx.x;
    const std::int64_t begin = std::int64_t{blockIdx.x} * slab_rows;
    const std::int64_t end = min(begin + slab_rows, rows);
    double sum = 0;
    if (k < columns)
        for (std::int64_t i = begin + threadIdx.y; i < end; i += tile_rows) {
            const double value = a[i * columns + k];
            sum += squared ? value * value : value;
        }
    sums[threadIdx.y * tile_columns + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || k >= columns) return;
    for (int row = 1; row < tile_rows; ++row) sum += sums[row * tile_columns + threadIdx.x];
    partial[blockIdx.x * columns + k] = sum;
}

/// out[k] = (Σ over the slabs of partial[slab, k]) / divisor.
__global__ void add_slabs(const double* partial, std::int64_t slabs, std::int64_t columns, double divisor,
                          double* out) {
    const std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (k >= columns) return;
    double sum = 0;
    for (std::int64_t slab = 0; slab < slabs; ++slab) sum += partial[slab * columns + k];
    out[k] = sum / divisor;
}

template <class T>
__global__ void fill_identity(T* a, std::int64_t size, std::int64_t columns) {
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride)
        a[i] = i / columns == i % columns ? 1 : 0;
}

__global__ void subtract_row(const double* row, double* a, std::int64_t rows, std::int64_t columns) {
    const std::int64_t k = std::int64_t{blockIdx.y} * tile_columns + threadIdx.x;
    if (k >= columns) return;
    const double value = row[k];
    const std::int64_t step = std::int64_t{gridDim.x} * tile_rows;
    for (std::int64_t i = std::int64_t{blockIdx.x} * tile_rows + threadIdx.y; i < rows; i += step)
        a[i * columns + k] -= value;
}

/// c[i, k] = c[k, i] above the diagonal, for c [n, n]: block (tile of rows, tile of columns) reads its mirror
/// tile, by way of shared memory so that both accesses run along rows. The tile's rows are one longer than
/// they must be: its columns then lie in different banks.
template <class T>
__global__ void mirror_lower(T* c, std::int64_t n) {
    SHARED_ARRAY(T, block, tile * (tile + 1));
    if (blockIdx.y < blockIdx.x) return;
    const std::int64_t first_row = std::int64_t{blockIdx.x} * tile,
                       first_column = std::int64_t{blockIdx.y} * tile;
    for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows) {
        const std::int64_t row = first_column + i, column = first_row + threadIdx.x;
        if (row < n && column < row)
            block[i * (tile + 1) + static_cast<int>(threadIdx.x)] = c[row * n + column];
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows) {
        const std::int64_t row = first_row + i, column = first_column + threadIdx.x;
        if (row < column && column < n)
            c[row * n + column] = block[static_cast<int>(threadIdx.x) * (tile + 1) + i];
    }
}

/// to [columns, rows] = fromᵀ, from [rows, columns], by way of one tile in shared memory, so that reading and
/// writing both run along rows. The tile's rows are one longer than they must be: its columns then lie in
/// different banks.
__global__ void transpose(const double* from, std::int64_t rows, std::int64_t columns, double* to) {
    SHARED_ARRAY(double, block, tile*(tile + 1));
    const std::int64_t tiles_across = (columns + tile - 1) / tile;
    const std::int64_t first_row = blockIdx.x / tiles_across * tile,
                       first_column = blockIdx.x % tiles_across * tile;
    for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows) {
        const std::int64_t row = first_row + i, column = first_column + threadIdx.x;
        if (row < rows && column < columns)
            block[i * (tile + 1) + static_cast<int>(threadIdx.x)] = from[row * columns + column];
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows) {
        const std::int64_t row = first_row + threadIdx.x, column = first_column + i;
        if (column < columns && row < rows)
            to[column * rows + row] = block[static_cast<int>(threadIdx.x) * (tile + 1) + i];
    }
}

}  // namespace kernels

namespace {

/// cuBLAS's function for T, of a pair.
template <class T, class InFp64, class InFp32>
auto in_precision(InFp64* in_fp64, InFp32* in_fp32) {
    if constexpr (std::is_same_v<T, double>)
        return in_fp64;
    else
        return in_fp32;
}

/// out[k] = Σ over the rows of a[·, k] or of its square, over `divisor`.
template <bool squared>
void add_columns(device::Device& device, Matrix a, double divisor, double* out) {
    if (a.columns == 0) return;
    const std::int64_t slabs = ceiling(a.rows, slab_rows);
    double* const partial = device.scratch<double>(slabs * a.columns);
    if (slabs > 0)
        NTPGEO_CHECK(launch(
            kernels::column_sums<squared>,
            dim3(static_cast<unsigned>(slabs), static_cast<unsigned>(ceiling(a.columns, tile_columns))),
            dim3(tile_columns, tile_rows), 0, device.stream(), a.as<double>(), a.rows, a.columns, partial));
    constexpr int threads = 128;
    NTPGEO_CHECK(launch(kernels::add_slabs, static_cast<unsigned>(ceiling(a.columns, threads)), threads, 0,
                        device.stream(), partial, slabs, a.columns, divisor, out));
}

void transpose(device::Device& device, const double* from, std::int64_t rows, std::int64_t columns,
               double* to) {
    const std::int64_t tiles = ((rows + tile - 1) / tile) * ((columns + tile - 1) / tile);
    NTPGEO_CHECK(launch(kernels::transpose, static_cast<unsigned>(tiles), dim3(tile, tile_rows), 0,
                        device.stream(), from, rows, columns, to));
}

}  // namespace

}  // namespace ntpgeo::dense_cuda

namespace ntpgeo {
using namespace dense_cuda;

// Row-major C = op(A)·op(B) is column-major Cᵀ = op(B)ᵀ·op(A)ᵀ of the same memory.
void CudaDenseOperations::multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta,
                                   Matrix c) {
    if (c.rows == 0 || c.columns == 0) return;
    const auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const std::int64_t inner = product.transpose_a ? a.rows : a.columns;
    with_real(c.real, [&]<class T>(T) {
        const auto factor = static_cast<T>(alpha), kept = static_cast<T>(beta);
        const auto gemm = in_precision<T>(cublasDgemm_64, cublasSgemm_64);
        NTPGEO_CHECK(gemm(device_.cublas(), op(product.transpose_b), op(product.transpose_a), c.columns,
                          c.rows, inner, &factor, b.as<T>(), std::max<std::int64_t>(b.columns, 1), a.as<T>(),
                          std::max<std::int64_t>(a.columns, 1), &kept, c.as<T>(), c.columns));
    });
}

// cuBLAS makes one triangle; copying it to the other keeps C symmetric to the last bit. Row-major A is
// column-major Aᵀ, and C's row-major lower triangle its column-major upper one.
void CudaDenseOperations::gram(Matrix a, bool of_columns, Matrix c) {
    const std::int64_t n = c.rows, inner = of_columns ? a.rows : a.columns;
    if (n == 0) return;
    if (inner == 0) return fill_zero(c.flat());
    const auto tiles = static_cast<unsigned>(ceiling(n, tile));
    with_real(c.real, [&]<class T>(T) {
        const T one = 1, zero = 0;
        const auto syrk = in_precision<T>(cublasDsyrk_64, cublasSsyrk_64);
        NTPGEO_CHECK(syrk(device_.cublas(), CUBLAS_FILL_MODE_UPPER, of_columns ? CUBLAS_OP_N : CUBLAS_OP_T, n,
                          inner, &one, a.as<T>(), std::max<std::int64_t>(a.columns, 1), &zero, c.as<T>(), n));
        NTPGEO_CHECK(launch(kernels::mirror_lower<T>, dim3(tiles, tiles), dim3(tile, tile_rows), 0,
                            device_.stream(), c.as<T>(), n));
    });
}

void CudaDenseOperations::column_means(Matrix a, Vector means) {
    add_columns<false>(device_, a, static_cast<double>(a.rows), means.as<double>());
}

void CudaDenseOperations::column_squares(Matrix a, Vector squares) {
    add_columns<true>(device_, a, 1, squares.as<double>());
}

void CudaDenseOperations::fill_identity(Matrix a) {
    const std::int64_t size = a.rows * a.columns;
    if (size == 0) return;
    constexpr int threads = 256;
    with_real(a.real, [&]<class T>(T) {
        NTPGEO_CHECK(launch(kernels::fill_identity<T>,
                            static_cast<unsigned>(std::min(ceiling(size, threads), most_row_blocks)), threads,
                            0, device_.stream(), a.as<T>(), size, a.columns));
    });
}

void CudaDenseOperations::subtract_row(Vector row, Matrix a) {
    if (a.rows == 0 || a.columns == 0) return;
    const std::int64_t row_blocks = std::min(ceiling(a.rows, tile_rows), most_row_blocks);
    NTPGEO_CHECK(launch(
        kernels::subtract_row,
        dim3(static_cast<unsigned>(row_blocks), static_cast<unsigned>(ceiling(a.columns, tile_columns))),
        dim3(tile_columns, tile_rows), 0, device_.stream(), row.as<double>(), a.as<double>(), a.rows,
        a.columns));
}

// cuSOLVER wants columns one after the other, so the work is done on a transposed copy. Its orgqr counts in
// int.
void CudaDenseOperations::orthonormalise(Matrix a) {
    if (a.rows == 0 || a.columns == 0) return;
    if (a.rows > std::numeric_limits<int>::max())
        throw Failure("cuSOLVER's orgqr takes no matrix of " + std::to_string(a.rows) + " rows");
    const int rows = static_cast<int>(a.rows), columns = static_cast<int>(a.columns);
    const cusolverDnHandle_t solver = device_.cusolver();
    int factor_size = 0, form_size = 0;
    NTPGEO_CHECK(cusolverDnDgeqrf_bufferSize(solver, rows, columns, a.as<double>(), rows, &factor_size));
    NTPGEO_CHECK(cusolverDnDorgqr_bufferSize(solver, rows, columns, columns, a.as<double>(), rows,
                                             a.as<double>(), &form_size));
    const int work_size = std::max(factor_size, form_size);
    // Each piece starts where an allocation of its own could.
    const auto aligned = [](std::int64_t size) { return (size + 31) / 32 * 32; };
    const std::int64_t size = aligned(a.rows * a.columns), scales_size = aligned(columns);
    // [columns, rows] the transposed copy, [columns] the reflectors' scales, the workspace, two statuses
    double* const copy = device_.scratch<double>(size + scales_size + work_size + 1);
    double* const scales = copy + size;
    double* const work = scales + scales_size;
    struct Statuses {
        int factor, form;
    };
    auto* const info = reinterpret_cast<int*>(work + work_size);
    static_assert(sizeof(Statuses) == sizeof(double));
    transpose(device_, a.as<double>(), a.rows, a.columns, copy);
    NTPGEO_CHECK(cusolverDnDgeqrf(solver, rows, columns, copy, rows, scales, work, work_size, info));
    NTPGEO_CHECK(
        cusolverDnDorgqr(solver, rows, columns, columns, copy, rows, scales, work, work_size, info + 1));
    transpose(device_, copy, a.columns, a.rows, a.as<double>());
    const auto statuses = device_.fetch(reinterpret_cast<const Statuses*>(info));
    device::check_info(statuses.factor, "geqrf");
    device::check_info(statuses.form, "orgqr");
}

}  // namespace ntpgeo
