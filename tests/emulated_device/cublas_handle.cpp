#include "cublas_handle.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "arena.hpp"
#include "devices.hpp"
#include "fault.hpp"
#include "sanitizers.hpp"

namespace emulated_device {

cublasStatus_t queue(cublasHandle_t handle, const LibraryCall& call, std::vector<DeviceRange> ranges,
                     std::function<void()> run) {
    const std::lock_guard lock(device_mutex());
    if (why_unusable() != cudaSuccess) return CUBLAS_STATUS_EXECUTION_FAILED;
    void* const workspace = handle->workspace;
    const std::size_t scribbled = std::min<std::size_t>(handle->workspace_bytes, 4096);
    if (workspace != nullptr) ranges.push_back({workspace, handle->workspace_bytes});
    const auto with_workspace = [=] {
        if (workspace != nullptr) poison(workspace, scribbled);
        run();
    };
    Operation operation{call.routine, std::move(ranges), with_workspace};
    operation.request.kind = Request::Kind::library;
    operation.request.call = call;
    const cudaError_t error = Streams::instance().submit(handle->stream, std::move(operation));
    return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

void require_host_scalar(cublasHandle_t handle, const void* scalar, const std::string& name) {
    if (handle->pointer_mode != CUBLAS_POINTER_MODE_HOST)
        fault(name + ": scalars on the device are not emulated");
    if (scalar == nullptr || Arena::instance().contains(scalar))
        fault(name + ": the scalar at " + hexadecimal(scalar) + " is not in host memory");
}

DeviceRange matrix_range(const std::string& name, const void* start, std::int64_t rows, std::int64_t columns,
                         std::int64_t leading, std::size_t element_bytes) {
    if (reinterpret_cast<std::uintptr_t>(start) % element_bytes != 0)
        fault(name + ": " + hexadecimal(start) + " is not aligned to its elements");
    const std::int64_t elements = rows == 0 || columns == 0 ? 0 : leading * (columns - 1) + rows;
    return {start, static_cast<std::size_t>(elements) * element_bytes};
}

int narrow(std::int64_t size, const std::string& name) {
    if (size > std::numeric_limits<int>::max()) fault(name + ": dimensions past 2^31 are not emulated");
    return static_cast<int>(size);
}

}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
    if (why_unusable() != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!grants_allocation()) return CUBLAS_STATUS_ALLOC_FAILED;
    *handle = new cublasContext;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    const std::lock_guard lock(device_mutex());
    Streams::instance().finish_all();  // as the vendor's does
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

/// Also gives the workspace back to the library, as the vendor's does.
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    handle->workspace = nullptr;
    handle->workspace_bytes = 0;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t* stream) {
    *stream = handle->stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, std::size_t bytes) {
    constexpr std::uintptr_t alignment = 256;
    if (reinterpret_cast<std::uintptr_t>(workspace) % alignment != 0) return CUBLAS_STATUS_INVALID_VALUE;
    if (bytes > 0) Arena::instance().require(workspace, bytes, "cublasSetWorkspace");
    handle->workspace = bytes > 0 ? workspace : nullptr;
    handle->workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
    if (mode != CUBLAS_DEFAULT_MATH && mode != CUBLAS_PEDANTIC_MATH && mode != CUBLAS_TF32_TENSOR_OP_MATH)
        fault("cublasSetMathMode: this mode is not emulated");
    handle->math_mode = mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
    *mode = handle->math_mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
    handle->pointer_mode = mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t* mode) {
    *mode = handle->pointer_mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
    *version = CUBLAS_VERSION;
    return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusName(cublasStatus_t status) {
    switch (status) {
        case CUBLAS_STATUS_SUCCESS:
            return "CUBLAS_STATUS_SUCCESS";
        case CUBLAS_STATUS_NOT_INITIALIZED:
            return "CUBLAS_STATUS_NOT_INITIALIZED";
        case CUBLAS_STATUS_ALLOC_FAILED:
            return "CUBLAS_STATUS_ALLOC_FAILED";
        case CUBLAS_STATUS_INVALID_VALUE:
            return "CUBLAS_STATUS_INVALID_VALUE";
        case CUBLAS_STATUS_ARCH_MISMATCH:
            return "CUBLAS_STATUS_ARCH_MISMATCH";
        case CUBLAS_STATUS_MAPPING_ERROR:
            return "CUBLAS_STATUS_MAPPING_ERROR";
        case CUBLAS_STATUS_EXECUTION_FAILED:
            return "CUBLAS_STATUS_EXECUTION_FAILED";
        case CUBLAS_STATUS_INTERNAL_ERROR:
            return "CUBLAS_STATUS_INTERNAL_ERROR";
        case CUBLAS_STATUS_NOT_SUPPORTED:
            return "CUBLAS_STATUS_NOT_SUPPORTED";
        case CUBLAS_STATUS_LICENSE_ERROR:
            return "CUBLAS_STATUS_LICENSE_ERROR";
        default:
            return "unknown cuBLAS status";
    }
}

const char* cublasGetStatusString(cublasStatus_t status) {
    return cublasGetStatusName(status);
}

}  // extern "C"
