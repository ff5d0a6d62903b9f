#include <algorithm>
#include <cmath>
#include <port.cuh>
#include <vector>

#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo::vectors_cuda {
namespace {

constexpr int threads = 256;
constexpr int most_left = VectorOperations::most_left;
constexpr int rows_at_once = 8;  // of the right side, and coefficients in a launch of combine_rows

/// Blocks of a pass over `size` elements: what fills a GPU, and follows from the size alone.
std::int64_t blocks_for(std::int64_t size) {
    return std::clamp<std::int64_t>((size + 4 * threads - 1) / (4 * threads), 1, 512);
}

}  // namespace

namespace kernels {

template <class T>
struct Left {
    const T* vectors[most_left];
};

/// partial[pair, block], pair = i·rows + k. A block takes its elements of eight rows (blockIdx.y: which) and
/// of all left vectors, so that a row is read once; each product has its own sum in its own order.
template <class T, int count>
__global__ void __launch_bounds__(threads)
    product_partials(Left<T> left, const T* right, int rows, std::int64_t size, double* partial) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const int first = static_cast<int>(blockIdx.y) * rows_at_once;
    double sums[count][rows_at_once] = {};
    for (std::int64_t j = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; j < size;
         j += std::int64_t{gridDim.x} * blockDim.x) {
        double x[count];
#pragma unroll
        for (int i = 0; i < count; ++i) x[i] = left.vectors[i][j];
#pragma unroll
        for (int k = 0; k < rows_at_once; ++k)
            if (first + k < rows) {
                const double y = right[(first + k) * size + j];
#pragma unroll
                for (int i = 0; i < count; ++i) sums[i][k] = std::fma(x[i], y, sums[i][k]);
            }
    }
#pragma unroll
    for (int i = 0; i < count; ++i)
#pragma unroll
        for (int k = 0; k < rows_at_once; ++k) {
            const double sum = device::block_sum(sums[i][k], scratch);
            if (threadIdx.x == 0 && first + k < rows)
                partial[std::int64_t{i * rows + first + k} * gridDim.x + blockIdx.x] = sum;
        }
}

/// out = Σ_k coefficients[k]·row k, in the rows' order.
template <class T>
__global__ void __launch_bounds__(threads)
    combine_rows(const double* coefficients, const T* rows, int count, std::int64_t size, T* out) {
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size;
         i += std::int64_t{gridDim.x} * blockDim.x) {
        double sum = 0;
#pragma unroll 4
        for (int k = 0; k < count; ++k) sum += coefficients[k] * rows[k * size + i];
        out[i] = static_cast<T>(sum);
    }
}

}  // namespace kernels

}  // namespace ntpgeo::vectors_cuda

namespace ntpgeo {
using namespace vectors_cuda;

std::vector<double> CudaVectorOperations::products(const std::vector<Vector>& left, Matrix right) {
    const auto count = static_cast<std::int64_t>(left.size());
    const std::int64_t pairs = count * right.rows;
    if (pairs == 0) return {};
    const std::int64_t blocks = blocks_for(right.columns);
    double* const partial = device_.scratch<double>(device::rows_to_fetch_size(pairs, blocks));
    with_real(right.real, [&]<class T>(T) {
        kernels::Left<T> from{};
        for (std::int64_t i = 0; i < count; ++i) from.vectors[i] = left[i].as<T>();
        const auto kernel = count == 1   ? kernels::product_partials<T, 1>
                            : count == 2 ? kernels::product_partials<T, 2>
                                         : kernels::product_partials<T, 3>;
        const dim3 grid(static_cast<unsigned>(blocks),
                        static_cast<unsigned>((right.rows + rows_at_once - 1) / rows_at_once));
        NTPGEO_CHECK(launch(kernel, grid, dim3(threads), 0, device_.stream(), from, right.as<T>(),
                            static_cast<int>(right.rows), right.columns, partial));
    });
    return device::fetch_row_sums(device_, partial, pairs, blocks);
}

void CudaVectorOperations::combine_rows(const std::vector<double>& coefficients, Matrix rows, Vector out) {
    if (out.size == 0) return;
    const auto count = static_cast<std::int64_t>(coefficients.size());
    // From pageable memory: it has been read when the call comes back.
    double* const numbers = device_.scratch<double>(count);
    if (count > 0)
        NTPGEO_CHECK(cudaMemcpyAsync(numbers, coefficients.data(), coefficients.size() * sizeof(double),
                                     cudaMemcpyHostToDevice, device_.stream()));
    with_real(out.real, [&]<class T>(T) {
        const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(
            (out.size + threads - 1) / threads, std::int64_t{16} * device_.multiprocessors()));
        NTPGEO_CHECK(launch(kernels::combine_rows<T>, blocks, threads, 0, device_.stream(), numbers,
                            rows.as<T>(), static_cast<int>(count), out.size, out.as<T>()));
    });
}

}  // namespace ntpgeo
