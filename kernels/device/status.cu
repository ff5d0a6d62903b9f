#include "kernels/device/status.cuh"

#include <port.cuh>
#include <string>

namespace ntpgeo::device {
namespace {

std::string line(const CallSite& site, const std::string& library, const std::string& words) {
    return library + ": " + words + " (" + site.expression + ", " + site.file + ":" +
           std::to_string(site.line) + ")";
}

/// What is free on the current device, in words; empty where the device does not answer.
std::string free_memory_words() {
    std::size_t free = 0, total = 0;
    if (cudaMemGetInfo(&free, &total) != cudaSuccess) return "";
    return ", " + std::to_string(free) + " of " + std::to_string(total) + " bytes free";
}

}  // namespace

void check(cudaError_t status, const CallSite& site) {
    if (status == cudaSuccess) return;
    static_cast<void>(cudaGetLastError());  // a recoverable error is not reported twice
    const std::string words = cudaGetErrorString(status);
    if (status == cudaErrorMemoryAllocation)
        throw OutOfDeviceMemory(line(site, "CUDA", words + free_memory_words()));
    throw Failure(line(site, "CUDA", words));
}

void check(cublasStatus_t status, const CallSite& site) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    const std::string words = cublasGetStatusString(status);
    if (status == CUBLAS_STATUS_ALLOC_FAILED)
        throw OutOfDeviceMemory(line(site, "cuBLAS", words + free_memory_words()));
    throw Failure(line(site, "cuBLAS", words));
}

// cuSOLVER has no words for its statuses.
void check(cusolverStatus_t status, const CallSite& site) {
    if (status == CUSOLVER_STATUS_SUCCESS) return;
    const std::string words = "status " + std::to_string(static_cast<int>(status));
    if (status == CUSOLVER_STATUS_ALLOC_FAILED)
        throw OutOfDeviceMemory(line(site, "cuSOLVER", words + ", out of memory" + free_memory_words()));
    throw Failure(line(site, "cuSOLVER", words));
}

void check_info(int info, const char* routine) {
    if (info == 0) return;
    throw Failure(std::string("cuSOLVER ") + routine + " failed with info " + std::to_string(info));
}

}  // namespace ntpgeo::device
