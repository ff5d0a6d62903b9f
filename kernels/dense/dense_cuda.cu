#include "kernels/dense/dense_cuda.cuh"

#include <algorithm>
#include <port.cuh>

namespace ntpgeo::dense_cuda {
namespace {

constexpr int tile_columns = 32;
constexpr int tile_rows = 8;
constexpr std::int64_t slab_rows = 512;  // rows that one block sums
constexpr std::int64_t most_row_blocks = 4096;

std::int64_t ceiling(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

}  // namespace

namespace kernels {

/// partial[slab, k] = Σ a[i, k] over the slab's rows. Blocks of [tile_rows, tile_columns] threads; a thread
/// takes every tile_rows-th row of its column, and the threads' sums are added in their order.
__global__ void column_sums(const double* a, std::int64_t rows, std::int64_t columns, double* partial) {
    SHARED_ARRAY(double, sums, tile_rows* tile_columns);
    const std::int64_t k = std::int64_t{blockIdx.y} * tile_columns + threadIdx.x;
    const std::int64_t begin = std::int64_t{blockIdx.x} * slab_rows;
    const std::int64_t end = min(begin + slab_rows, rows);
    double sum = 0;
    if (k < columns)
        for (std::int64_t i = begin + threadIdx.y; i < end; i += tile_rows) sum += a[i * columns + k];
    sums[threadIdx.y * tile_columns + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || k >= columns) return;
    for (int row = 1; row < tile_rows; ++row) sum += sums[row * tile_columns + threadIdx.x];
    partial[blockIdx.x * columns + k] = sum;
}

/// means[k] = (Σ over the slabs of partial[slab, k]) / rows.
__global__ void finish_means(const double* partial, std::int64_t slabs, std::int64_t columns,
                             std::int64_t rows, double* means) {
    const std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (k >= columns) return;
    double sum = 0;
    for (std::int64_t slab = 0; slab < slabs; ++slab) sum += partial[slab * columns + k];
    means[k] = sum / static_cast<double>(rows);
}

__global__ void subtract_row(const double* row, double* a, std::int64_t rows, std::int64_t columns) {
    const std::int64_t k = std::int64_t{blockIdx.y} * tile_columns + threadIdx.x;
    if (k >= columns) return;
    const double value = row[k];
    const std::int64_t step = std::int64_t{gridDim.x} * tile_rows;
    for (std::int64_t i = std::int64_t{blockIdx.x} * tile_rows + threadIdx.y; i < rows; i += step)
        a[i * columns + k] -= value;
}

}  // namespace kernels

// Row-major C = op(A)·op(B) is column-major Cᵀ = op(B)ᵀ·op(A)ᵀ of the same memory.
void multiply(device::Device& device, const Product& product, double alpha, Matrix a, Matrix b, double beta,
              Matrix c) {
    if (c.rows == 0 || c.columns == 0) return;
    const auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const std::int64_t inner = product.transpose_a ? a.rows : a.columns;
    NTPGEO_CHECK(cublasDgemm_64(device.cublas(), op(product.transpose_b), op(product.transpose_a), c.columns,
                                c.rows, inner, &alpha, b.as<double>(), std::max<std::int64_t>(b.columns, 1),
                                a.as<double>(), std::max<std::int64_t>(a.columns, 1), &beta, c.as<double>(),
                                c.columns));
}

void column_means(device::Device& device, Matrix a, Vector means) {
    if (a.columns == 0) return;
    const std::int64_t slabs = ceiling(a.rows, slab_rows);
    double* const partial = device.scratch<double>(slabs * a.columns);
    if (slabs > 0)
        NTPGEO_CHECK(launch(
            kernels::column_sums,
            dim3(static_cast<unsigned>(slabs), static_cast<unsigned>(ceiling(a.columns, tile_columns))),
            dim3(tile_columns, tile_rows), 0, device.stream(), a.as<double>(), a.rows, a.columns, partial));
    constexpr int threads = 128;
    NTPGEO_CHECK(launch(kernels::finish_means, static_cast<unsigned>(ceiling(a.columns, threads)), threads, 0,
                        device.stream(), partial, slabs, a.columns, a.rows, means.as<double>()));
}

void subtract_row(device::Device& device, Vector row, Matrix a) {
    if (a.rows == 0 || a.columns == 0) return;
    const std::int64_t row_blocks = std::min(ceiling(a.rows, tile_rows), most_row_blocks);
    NTPGEO_CHECK(launch(
        kernels::subtract_row,
        dim3(static_cast<unsigned>(row_blocks), static_cast<unsigned>(ceiling(a.columns, tile_columns))),
        dim3(tile_columns, tile_rows), 0, device.stream(), row.as<double>(), a.as<double>(), a.rows,
        a.columns));
}

}  // namespace ntpgeo::dense_cuda
