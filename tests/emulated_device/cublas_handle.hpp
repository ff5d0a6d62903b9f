// The vendor's opaque cublasHandle_t, and what every emulated BLAS call does: read host scalars, check what
// it was given, queue the work on the handle's stream.
#pragma once

#include <cublas_v2.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "streams.hpp"

struct cublasContext {
    cudaStream_t stream = nullptr;
    void* workspace = nullptr;
    std::size_t workspace_bytes = 0;
    cublasPointerMode_t pointer_mode = CUBLAS_POINTER_MODE_HOST;
    cublasMath_t math_mode = CUBLAS_DEFAULT_MATH;
};

namespace emulated_device {

/// Queues `run` with its memory; scribbles over the handle's workspace, as the library may.
cublasStatus_t queue(cublasHandle_t handle, const LibraryCall& call, std::vector<DeviceRange> ranges,
                     std::function<void()> run);

template <class T>
inline constexpr const char* name_of_real = sizeof(T) == 8 ? "fp64" : "fp32";

/// A fault where the handle's scalars are on the device: design 4.5 wants them on the host.
void require_host_scalar(cublasHandle_t handle, const void* scalar, const std::string& name);

template <class T>
T host_scalar(cublasHandle_t handle, const void* scalar, const std::string& name) {
    require_host_scalar(handle, scalar, name);
    return *static_cast<const T*>(scalar);
}

/// The range of a column-major matrix with leading dimension `leading`; a fault where its elements are not
/// aligned.
DeviceRange matrix_range(const std::string& name, const void* start, std::int64_t rows, std::int64_t columns,
                         std::int64_t leading, std::size_t element_bytes);

/// BLAS and LAPACK count in 32 bits here; a fault where that is too small.
int narrow(std::int64_t size, const std::string& name);

}  // namespace emulated_device
