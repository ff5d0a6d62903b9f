#include "kernels/svd/small.hpp"

#include <port.cuh>
#include <type_traits>
#include <utility>

#include "kernels/device/device.cuh"

namespace ntpgeo::svd_cuda {
namespace {

/// Options of cuSOLVER's 64-bit functions, as they come.
class SolverParameters {
  public:
    SolverParameters() { NTPGEO_CHECK(cusolverDnCreateParams(&parameters_)); }
    SolverParameters(const SolverParameters&) = delete;
    SolverParameters& operator=(const SolverParameters&) = delete;
    ~SolverParameters() { static_cast<void>(cusolverDnDestroyParams(parameters_)); }
    [[nodiscard]] cusolverDnParams_t get() const { return parameters_; }

  private:
    cusolverDnParams_t parameters_ = nullptr;
};

template <class T>
void upload(device::Device& device, const std::vector<T>& host, T* to) {
    NTPGEO_CHECK(
        cudaMemcpyAsync(to, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice, device.stream()));
}

/// What `from` holds once the queued work has run.
template <class T>
void download(device::Device& device, const T* from, std::vector<T>& host) {
    NTPGEO_CHECK(
        cudaMemcpyAsync(host.data(), from, host.size() * sizeof(T), cudaMemcpyDeviceToHost, device.stream()));
    device.synchronise();
}

std::vector<double> transposed(const std::vector<double>& matrix, std::int64_t rows, std::int64_t columns) {
    std::vector<double> result(matrix.size());
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t k = 0; k < columns; ++k) result[k * rows + i] = matrix[i * columns + k];
    return result;
}

// The row-major upper triangle is cuSOLVER's column-major lower one; its eigenvectors come out one a row,
// ascending.
template <class T>
SymmetricEigen eigen_of(device::Device& device, const std::vector<T>& matrix, std::int64_t n) {
    const SolverParameters parameters;
    const device::DeviceArray<T> vectors(n * n), values(n);
    std::size_t device_bytes = 0, host_bytes = 0;
    const auto job = CUSOLVER_EIG_MODE_VECTOR;
    const auto half = CUBLAS_FILL_MODE_LOWER;
    const auto type = std::is_same_v<T, double> ? CUDA_R_64F : CUDA_R_32F;
    NTPGEO_CHECK(cusolverDnXsyevd_bufferSize(device.cusolver(), parameters.get(), job, half, n, type,
                                             vectors.data(), n, type, values.data(), type, &device_bytes,
                                             &host_bytes));
    const device::DeviceArray<unsigned char> device_work(static_cast<std::int64_t>(device_bytes));
    const device::DeviceArray<int> info(1);
    std::vector<unsigned char> host_work(host_bytes);
    upload(device, matrix, vectors.data());
    NTPGEO_CHECK(cusolverDnXsyevd(device.cusolver(), parameters.get(), job, half, n, type, vectors.data(), n,
                                  type, values.data(), type, device_work.data(), device_bytes,
                                  host_work.data(), host_bytes, info.data()));
    device::check_info(device.fetch(info.data()), "syevd");
    std::vector<T> rows(matrix.size()), ascending(static_cast<std::size_t>(n));
    download(device, values.data(), ascending);
    download(device, vectors.data(), rows);
    return SymmetricEigen::from_ascending(ascending, rows);
}

}  // namespace

}  // namespace ntpgeo::svd_cuda

namespace ntpgeo {
using namespace svd_cuda;

// Beyond about 25,000 it fails, whatever memory is free: NVIDIA/CUDALibrarySamples#246.
EigenLimit CudaSmallDecompositions::eigen_limit() const {
    return {25000, "cuSOLVER's Xsyevd"};
}

SymmetricEigen CudaSmallDecompositions::symmetric_eigen(std::vector<double> matrix, std::int64_t n,
                                                        Real real) {
    eigen_limit().require(n);
    if (n == 0) return {};
    if (real == Real::fp64) return eigen_of(device_, matrix, n);
    return eigen_of(device_, std::vector<float>(matrix.begin(), matrix.end()), n);
}

// gesvd wants columns one after the other, and at least as many rows as columns. A wide row-major matrix is
// just that when read as its transpose B = Aᵀ = U'ΣV'ᵀ; then A = V'ΣU'ᵀ, and the memory of V'ᵀ read by rows
// is V', that of U' is U'ᵀ.
SmallSvd CudaSmallDecompositions::small_svd(std::vector<double> matrix, std::int64_t rows,
                                            std::int64_t columns) {
    if (rows > columns) {
        SmallSvd flipped = small_svd(transposed(matrix, rows, columns), columns, rows);
        return {transposed(flipped.right, columns, rows), std::move(flipped.values),
                transposed(flipped.left, columns, columns)};
    }
    SmallSvd result{std::vector<double>(static_cast<std::size_t>(rows * rows)),
                    std::vector<double>(static_cast<std::size_t>(rows)),
                    std::vector<double>(static_cast<std::size_t>(rows * columns))};
    if (rows == 0) return result;
    const SolverParameters parameters;
    const device::DeviceArray<double> given(rows * columns), left(rows * rows), values(rows),
        right(rows * columns);
    std::size_t device_bytes = 0, host_bytes = 0;
    NTPGEO_CHECK(cusolverDnXgesvd_bufferSize(device_.cusolver(), parameters.get(), 'S', 'S', columns, rows,
                                             CUDA_R_64F, given.data(), columns, CUDA_R_64F, values.data(),
                                             CUDA_R_64F, right.data(), columns, CUDA_R_64F, left.data(), rows,
                                             CUDA_R_64F, &device_bytes, &host_bytes));
    const device::DeviceArray<unsigned char> device_work(static_cast<std::int64_t>(device_bytes));
    const device::DeviceArray<int> info(1);
    std::vector<unsigned char> host_work(host_bytes);
    upload(device_, matrix, given.data());
    NTPGEO_CHECK(cusolverDnXgesvd(device_.cusolver(), parameters.get(), 'S', 'S', columns, rows, CUDA_R_64F,
                                  given.data(), columns, CUDA_R_64F, values.data(), CUDA_R_64F, right.data(),
                                  columns, CUDA_R_64F, left.data(), rows, CUDA_R_64F, device_work.data(),
                                  device_bytes, host_work.data(), host_bytes, info.data()));
    device::check_info(device_.fetch(info.data()), "gesvd");
    download(device_, left.data(), result.left);
    download(device_, values.data(), result.values);
    download(device_, right.data(), result.right);
    return result;
}

}  // namespace ntpgeo
