// Devices, versions and errors of the runtime, against the vendor's prototypes.
#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdio>
#include <string>

#include "devices.hpp"
#include "fault.hpp"
#include "limits.hpp"
#include "streams.hpp"

namespace emulated_device {
namespace {

thread_local cudaError_t last_error = cudaSuccess;
thread_local int current_device = 0;

constexpr int clock_kilohertz = 1000000;
constexpr int cache_bytes = 4 << 20;

cudaError_t device_error(int device) {
    if (no_device()) return cudaErrorNoDevice;
    return device < 0 || device >= settings().devices ? cudaErrorInvalidDevice : cudaSuccess;
}

}  // namespace

int selected_device() {
    return current_device;
}

cudaError_t why_unusable() {
    static std::atomic<std::uint64_t> calls{0};
    if (no_device()) return cudaErrorNoDevice;
    if (++calls <= settings().calls) return cudaSuccess;
    const std::lock_guard lock(device_mutex());
    Streams::instance().abandon();
    return cudaErrorIllegalAddress;
}

bool grants_allocation() {
    static std::atomic<std::uint64_t> allocations{0};
    return ++allocations <= settings().allocations;
}

cudaError_t reported(cudaError_t error) {
    if (error != cudaSuccess) last_error = error;
    return error;
}

}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
    *count = settings().devices;
    return no_device() ? reported(cudaErrorNoDevice) : cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int size, int device) {
    if (const cudaError_t error = device_error(device); error != cudaSuccess) return reported(error);
    if (size < 13) return reported(cudaErrorInvalidValue);
    std::snprintf(id, static_cast<std::size_t>(size), "0000:%02x:00.0", settings().first + device + 1);
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    if (const cudaError_t error = device_error(device); error != cudaSuccess) return reported(error);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
    if (no_device()) return reported(cudaErrorNoDevice);
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    if (const cudaError_t error = device_error(device); error != cudaSuccess) return reported(error);
    *properties = {};
    const std::string name =
        settings().name.empty() ? "emulated device " + std::to_string(device) : settings().name;
    std::snprintf(properties->name, sizeof properties->name, "%s", name.c_str());
    properties->totalGlobalMem = settings().memory;
    properties->major = settings().capability / 10;
    properties->minor = settings().capability % 10;
    properties->multiProcessorCount = settings().multiprocessors;
    properties->warpSize = warp_size;
    properties->maxThreadsPerBlock = max_block_threads;
    properties->maxThreadsPerMultiProcessor = multiprocessor_threads;
    properties->maxBlocksPerMultiProcessor = multiprocessor_blocks;
    properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = max_block_threads;
    properties->maxThreadsDim[2] = max_block_depth;
    properties->maxGridSize[0] = max_grid_width;
    properties->maxGridSize[1] = properties->maxGridSize[2] = max_grid_height;
    properties->sharedMemPerBlock = max_static_shared;
    properties->sharedMemPerBlockOptin = max_dynamic_shared;
    properties->sharedMemPerMultiprocessor = multiprocessor_shared;
    properties->l2CacheSize = cache_bytes;
    properties->regsPerBlock = properties->regsPerMultiprocessor = 1 << 16;
    properties->unifiedAddressing = 1;
    properties->asyncEngineCount = 1;
    properties->concurrentKernels = 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    if (const cudaError_t error = device_error(device); error != cudaSuccess) return reported(error);
    switch (attribute) {
        case cudaDevAttrMaxThreadsPerBlock:
            *value = max_block_threads;
            break;
        case cudaDevAttrMaxBlockDimX:
        case cudaDevAttrMaxBlockDimY:
            *value = max_block_threads;
            break;
        case cudaDevAttrMaxBlockDimZ:
            *value = max_block_depth;
            break;
        case cudaDevAttrMaxGridDimX:
            *value = max_grid_width;
            break;
        case cudaDevAttrMaxGridDimY:
        case cudaDevAttrMaxGridDimZ:
            *value = max_grid_height;
            break;
        case cudaDevAttrMaxSharedMemoryPerBlock:
            *value = max_static_shared;
            break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin:
            *value = max_dynamic_shared;
            break;
        case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
            *value = multiprocessor_shared;
            break;
        case cudaDevAttrWarpSize:
            *value = warp_size;
            break;
        case cudaDevAttrMultiProcessorCount:
            *value = settings().multiprocessors;
            break;
        case cudaDevAttrMaxThreadsPerMultiProcessor:
            *value = multiprocessor_threads;
            break;
        case cudaDevAttrMaxBlocksPerMultiprocessor:
            *value = multiprocessor_blocks;
            break;
        case cudaDevAttrComputeCapabilityMajor:
            *value = settings().capability / 10;
            break;
        case cudaDevAttrComputeCapabilityMinor:
            *value = settings().capability % 10;
            break;
        case cudaDevAttrL2CacheSize:
            *value = cache_bytes;
            break;
        case cudaDevAttrClockRate:
            *value = clock_kilohertz;
            break;
        case cudaDevAttrConcurrentKernels:
        case cudaDevAttrUnifiedAddressing:
        case cudaDevAttrAsyncEngineCount:
            *value = 1;
            break;
        case cudaDevAttrMemoryPoolsSupported:
        case cudaDevAttrCooperativeLaunch:
            *value = 0;
            break;
        default:
            fault("cudaDeviceGetAttribute: attribute " + std::to_string(attribute) + " is not emulated");
    }
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = no_device() ? 0 : CUDART_VERSION;  // 0: no driver installed
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetLastError() {
    const cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError() {
    return last_error;
}

const char* cudaGetErrorName(cudaError_t error) {
    switch (error) {
        case cudaSuccess:
            return "cudaSuccess";
        case cudaErrorInvalidValue:
            return "cudaErrorInvalidValue";
        case cudaErrorMemoryAllocation:
            return "cudaErrorMemoryAllocation";
        case cudaErrorInvalidConfiguration:
            return "cudaErrorInvalidConfiguration";
        case cudaErrorInvalidPitchValue:
            return "cudaErrorInvalidPitchValue";
        case cudaErrorInvalidMemcpyDirection:
            return "cudaErrorInvalidMemcpyDirection";
        case cudaErrorNoDevice:
            return "cudaErrorNoDevice";
        case cudaErrorInvalidDevice:
            return "cudaErrorInvalidDevice";
        case cudaErrorNoKernelImageForDevice:
            return "cudaErrorNoKernelImageForDevice";
        case cudaErrorInvalidResourceHandle:
            return "cudaErrorInvalidResourceHandle";
        case cudaErrorIllegalState:
            return "cudaErrorIllegalState";
        case cudaErrorNotReady:
            return "cudaErrorNotReady";
        case cudaErrorIllegalAddress:
            return "cudaErrorIllegalAddress";
        case cudaErrorStreamCaptureUnsupported:
            return "cudaErrorStreamCaptureUnsupported";
        case cudaErrorStreamCaptureInvalidated:
            return "cudaErrorStreamCaptureInvalidated";
        case cudaErrorStreamCaptureMerge:
            return "cudaErrorStreamCaptureMerge";
        case cudaErrorStreamCaptureUnmatched:
            return "cudaErrorStreamCaptureUnmatched";
        case cudaErrorStreamCaptureUnjoined:
            return "cudaErrorStreamCaptureUnjoined";
        case cudaErrorStreamCaptureIsolation:
            return "cudaErrorStreamCaptureIsolation";
        case cudaErrorStreamCaptureImplicit:
            return "cudaErrorStreamCaptureImplicit";
        case cudaErrorCapturedEvent:
            return "cudaErrorCapturedEvent";
        default:
            return "unrecognized error code";
    }
}

const char* cudaGetErrorString(cudaError_t error) {
    switch (error) {
        case cudaSuccess:
            return "no error";
        case cudaErrorInvalidValue:
            return "invalid argument";
        case cudaErrorMemoryAllocation:
            return "out of memory";
        case cudaErrorInvalidConfiguration:
            return "invalid configuration argument";
        case cudaErrorInvalidPitchValue:
            return "invalid pitch argument";
        case cudaErrorInvalidMemcpyDirection:
            return "invalid copy direction for memcpy";
        case cudaErrorNoDevice:
            return "no CUDA-capable device is detected";
        case cudaErrorInvalidDevice:
            return "invalid device ordinal";
        case cudaErrorNoKernelImageForDevice:
            return "no kernel image is available for execution on the device";
        case cudaErrorInvalidResourceHandle:
            return "invalid resource handle";
        case cudaErrorNotReady:
            return "device not ready";
        case cudaErrorIllegalAddress:
            return "an illegal memory access was encountered";
        default:
            return cudaGetErrorName(error);
    }
}

}  // extern "C"
