#include "kernels/backend_cpu.hpp"

#include "kernels/cpu/threads_and_blas.hpp"

namespace ntpgeo {

CpuBackend::CpuBackend() {
    const SingleThread once;  // leaves OpenBLAS's own threads (its pthread build) at one
}

std::unique_ptr<Backend> make_cpu_backend() {
    return std::make_unique<CpuBackend>();
}

}  // namespace ntpgeo
