#include <algorithm>
#include <limits>
#include <port.cuh>
#include <string>

#include "kernels/dense/dense.hpp"
#include "kernels/device/device.cuh"

namespace ntpgeo::dense_cuda {
namespace {

constexpr int tile = 32;
constexpr int tile_rows = 8;

}  // namespace

namespace kernels {

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
        if (row < rows && column < columns)
            to[column * rows + row] = block[static_cast<int>(threadIdx.x) * (tile + 1) + i];
    }
}

}  // namespace kernels

namespace {

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
    // [columns, rows] the transposed copy, [columns] the reflectors' scales, the workspace, a status
    double* const copy = device_.scratch<double>(size + scales_size + work_size + 1);
    double* const scales = copy + size;
    double* const work = scales + scales_size;
    int* const info = reinterpret_cast<int*>(work + work_size);
    transpose(device_, a.as<double>(), a.rows, a.columns, copy);
    NTPGEO_CHECK(cusolverDnDgeqrf(solver, rows, columns, copy, rows, scales, work, work_size, info));
    device::check_info(device_.fetch(info), "geqrf");
    NTPGEO_CHECK(cusolverDnDorgqr(solver, rows, columns, columns, copy, rows, scales, work, work_size, info));
    device::check_info(device_.fetch(info), "orgqr");
    transpose(device_, copy, a.columns, a.rows, a.as<double>());
}

}  // namespace ntpgeo
