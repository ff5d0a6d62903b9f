#include "kernels/backend.hpp"
#include "kernels/device/device.cuh"

namespace ntpgeo {

CudaAvailability cuda_availability() {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status == cudaSuccess && devices > 0) return {devices, ""};
    static_cast<void>(cudaGetLastError());
    return {0, cudaGetErrorString(status == cudaSuccess ? cudaErrorNoDevice : status)};
}

}  // namespace ntpgeo
