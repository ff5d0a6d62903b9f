// The CUDA half of the boundary in a build without CUDA: there is none, and it says so.
#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

CudaAvailability cuda_availability() {
    return {0, "this build of ntpgeo has no CUDA"};
}

std::unique_ptr<Backend> make_cuda_backend(int index) {
    throw InputError("device: cuda:" + std::to_string(index) + " needs CUDA, and " +
                     cuda_availability().why_none + "; use cpu or auto");
}

std::unique_ptr<Backend> make_cuda_backend_on(int index, void*) {
    return make_cuda_backend(index);
}

}  // namespace ntpgeo
