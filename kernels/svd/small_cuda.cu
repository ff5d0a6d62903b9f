#include "kernels/svd/small.hpp"

#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/svd/results_cuda.cuh"

namespace ntpgeo {
using namespace svd_cuda;

// gesvd wants columns one after the other. The row-major matrix is just that when read as its transpose B =
// Aᵀ = U'ΣV'ᵀ; then A = V'ΣU'ᵀ, and the memory of V'ᵀ read by rows is V', that of U' is U'ᵀ.
std::vector<double> CudaSmallDecompositions::small_svd(Matrix a, Matrix left, Matrix right) {
    const std::int64_t n = a.rows;
    if (n == 0) return {};
    const SolverParameters parameters;
    std::size_t device_bytes = 0, host_bytes = 0;
    NTPGEO_CHECK(cusolverDnXgesvd_bufferSize(device_.cusolver(), parameters.get(), 'S', 'S', n, n, CUDA_R_64F,
                                             a.data, n, CUDA_R_64F, Results<double>(device_, n).values(),
                                             CUDA_R_64F, right.data, n, CUDA_R_64F, left.data, n, CUDA_R_64F,
                                             &device_bytes, &host_bytes));
    const Results<double> results(device_, n, device_bytes);
    std::vector<unsigned char> host_work(host_bytes);
    NTPGEO_CHECK(cusolverDnXgesvd(device_.cusolver(), parameters.get(), 'S', 'S', n, n, CUDA_R_64F, a.data, n,
                                  CUDA_R_64F, results.values(), CUDA_R_64F, right.data, n, CUDA_R_64F,
                                  left.data, n, CUDA_R_64F, results.work(), device_bytes, host_work.data(),
                                  host_bytes, results.status()));
    return results.fetch("gesvd");
}

}  // namespace ntpgeo
