#include "kernels/backend_cpu.hpp"

#include "kernels/cpu/blas.hpp"

namespace ntpgeo {

CpuBackend::CpuBackend() {
    const OneBlasThread and_openmp_as_it_was;
    openblas_set_num_threads(1);  // in a build with threads of its own, for good
}

std::unique_ptr<Backend> make_cpu_backend() {
    return std::make_unique<CpuBackend>();
}

}  // namespace ntpgeo
