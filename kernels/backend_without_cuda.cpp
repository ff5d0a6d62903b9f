// Stands in for the CUDA backend in a build without the CUDA toolkit.
#include "kernels/backend.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {

CudaAvailability cuda_availability() {
    return {0, "this program was built without CUDA"};
}

std::unique_ptr<Backend> make_cuda_backend(int) {
    throw InputError("there is no CUDA device: " + cuda_availability().why_none);
}

}  // namespace ntpgeo
