#include <cmath>
#include <port.cuh>
#include <type_traits>
#include <utility>

#include "kernels/device/device.cuh"
#include "kernels/svd/cost_cuda.hpp"
#include "kernels/svd/eigen.hpp"
#include "kernels/svd/results_cuda.cuh"

namespace ntpgeo::svd_cuda {
namespace {

constexpr int tile = 32;      // of a matrix that is transposed
constexpr int tile_rows = 8;  // that a block has threads for
constexpr int threads = 256;
constexpr std::int64_t most_blocks = 65536;

/// The row-major upper triangle is cuSOLVER's column-major lower one; its eigenvectors come out one a row,
/// ascending. `values` may be null. Returns the eigenvalues, descending, once all has been done.
template <class T>
std::vector<double> decompose(device::Device& device, T* matrix, T* values, std::int64_t n) {
    const SolverParameters parameters;
    const auto job = CUSOLVER_EIG_MODE_VECTOR;
    const auto half = CUBLAS_FILL_MODE_LOWER;
    const auto type = std::is_same_v<T, double> ? CUDA_R_64F : CUDA_R_32F;
    std::size_t device_bytes = 0, host_bytes = 0;
    NTPGEO_CHECK(cusolverDnXsyevd_bufferSize(device.cusolver(), parameters.get(), job, half, n, type, matrix,
                                             n, type, Results<T>(device, n).values(), type, &device_bytes,
                                             &host_bytes));
    const Results<T> results(device, n, device_bytes);
    std::vector<unsigned char> host_work(host_bytes);
    NTPGEO_CHECK(cusolverDnXsyevd(device.cusolver(), parameters.get(), job, half, n, type, matrix, n, type,
                                  results.values(), type, results.work(), device_bytes, host_work.data(),
                                  host_bytes, results.status()));
    if (values)
        NTPGEO_CHECK(cudaMemcpyAsync(values, results.values(), static_cast<std::size_t>(n) * sizeof(T),
                                     cudaMemcpyDeviceToDevice, device.stream()));
    const std::vector<T> ascending = results.fetch("syevd");
    return {ascending.rbegin(), ascending.rend()};
}

}  // namespace

namespace kernels {

/// out[i, k] = √f·rows[n − 1 − k, i] for out [n, count], by way of one tile in shared memory, so that reading
/// and writing both run along rows. The tile's rows are one longer than they must be: its columns then lie in
/// different banks.
template <class From, class To>
__global__ void take_eigenvectors(const From* rows, const From* values, SpectralMap map, std::int64_t n,
                                  std::int64_t count, To* out) {
    SHARED_ARRAY(From, block, tile * (tile + 1));
    const std::int64_t tiles_across = (count + tile - 1) / tile;
    const std::int64_t first_row = blockIdx.x / tiles_across * tile,
                       first_column = blockIdx.x % tiles_across * tile;
    for (int j = static_cast<int>(threadIdx.y); j < tile; j += tile_rows) {
        const std::int64_t k = first_column + j, i = first_row + threadIdx.x;
        if (k < count && i < n)
            block[j * (tile + 1) + static_cast<int>(threadIdx.x)] = rows[(n - 1 - k) * n + i];
    }
    __syncthreads();
    const std::int64_t k = first_column + threadIdx.x;
    if (k >= count) return;
    const double factor = std::sqrt(spectral::factor(map, static_cast<double>(values[n - 1 - k])));
    for (int j = static_cast<int>(threadIdx.y); j < tile; j += tile_rows) {
        const std::int64_t i = first_row + j;
        if (i < n)
            out[i * count + k] =
                static_cast<To>(factor * block[static_cast<int>(threadIdx.x) * (tile + 1) + j]);
    }
}

/// As spectral_slopes in eigen.hpp.
template <class T>
__global__ void spectral_slopes(const double* values, SpectralMap map, std::int64_t n, T* factors,
                                T* slopes) {
    const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
    const double largest = spectral::sigma(values[n - 1]);
    for (std::int64_t at = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; at < n * n; at += stride) {
        const std::int64_t i = at / n, k = at % n;
        const double square = values[n - 1 - i];
        if (k == 0) factors[i] = static_cast<T>(spectral::factor(map, square));
        slopes[at] = static_cast<T>(spectral::divided_difference(map, square, values[n - 1 - k], largest));
    }
}

}  // namespace kernels

}  // namespace ntpgeo::svd_cuda

namespace ntpgeo {
using namespace svd_cuda;

// Beyond about 25,000 it fails, whatever memory is free: NVIDIA/CUDALibrarySamples#246.
EigenLimit CudaEigenOperations::eigen_limit() const {
    return {25000, "cuSOLVER's Xsyevd"};
}

SymmetricEigen CudaEigenOperations::symmetric_eigen(std::vector<double> matrix, std::int64_t n) {
    eigen_limit().require(n);
    if (n == 0) return {};
    const device::DeviceArray<double> vectors(n * n);
    const std::size_t bytes = matrix.size() * sizeof(double);
    NTPGEO_CHECK(
        cudaMemcpyAsync(vectors.data(), matrix.data(), bytes, cudaMemcpyHostToDevice, device_.stream()));
    std::vector<double> values = decompose(device_, vectors.data(), static_cast<double*>(nullptr), n);
    NTPGEO_CHECK(
        cudaMemcpyAsync(matrix.data(), vectors.data(), bytes, cudaMemcpyDeviceToHost, device_.stream()));
    device_.synchronise();
    return SymmetricEigen::from_rows(std::move(values), matrix);
}

std::vector<double> CudaEigenOperations::decompose_symmetric(Matrix matrix, Vector values) {
    eigen_limit().require(matrix.rows);
    if (matrix.rows == 0) return {};
    return with_real(matrix.real, [&]<class T>(T) {
        return decompose(device_, matrix.as<T>(), values.as<T>(), matrix.rows);
    });
}

void CudaEigenOperations::take_eigenvectors(Matrix rows, Vector values, const SpectralMap& map, Matrix out) {
    const std::int64_t n = rows.rows, count = out.columns;
    if (n == 0 || count == 0) return;
    const std::int64_t tiles = ((n + tile - 1) / tile) * ((count + tile - 1) / tile);
    with_real(rows.real, [&]<class From>(From) {
        with_real(out.real, [&]<class To>(To) {
            NTPGEO_CHECK(launch(kernels::take_eigenvectors<From, To>, static_cast<unsigned>(tiles),
                                dim3(tile, tile_rows), 0, device_.stream(), rows.as<From>(),
                                values.as<From>(), map, n, count, out.as<To>()));
        });
    });
}

void CudaEigenOperations::spectral_slopes(Vector values, const SpectralMap& map, Vector factors,
                                          Matrix slopes) {
    const std::int64_t n = values.size;
    if (n == 0) return;
    const auto blocks = static_cast<unsigned>(std::min((n * n + threads - 1) / threads, most_blocks));
    with_real(slopes.real, [&]<class T>(T) {
        NTPGEO_CHECK(launch(kernels::spectral_slopes<T>, blocks, threads, 0, device_.stream(),
                            values.as<double>(), map, n, factors.as<T>(), slopes.as<T>()));
    });
}

bool CudaEigenOperations::products_are_faster(Real real, std::int64_t n, std::int64_t products) const {
    const device::Machine* const machine = device::find_machine(device_.name());
    return machine != nullptr &&
           products_seconds(*machine, real, n, products) < symmetric_seconds(*machine, real, n);
}

}  // namespace ntpgeo
