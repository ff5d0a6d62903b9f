// The emulated half of the port layer: the vendor's own headers, and what nvcc supplies by itself. g++ builds
// the same bytes of every .cu file against it. The production half is kernels/device/port/port.cuh.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <tuple>
#include <type_traits>

#include "arithmetic.cuh"
#include "atomics.cuh"
#include "device_code.hpp"
#include "warp.cuh"

#undef __shared__
#define __shared__ write_SHARED_ARRAY_or_dyn_shared_instead
#undef __launch_bounds__
#define __launch_bounds__(...)

namespace emulated_device {
extern uint3 thread_index, block_index;
extern dim3 block_size, grid_size;
}  // namespace emulated_device

inline const uint3& threadIdx = emulated_device::thread_index;
inline const uint3& blockIdx = emulated_device::block_index;
inline const dim3& blockDim = emulated_device::block_size;
inline const dim3& gridDim = emulated_device::grid_size;
constexpr int warpSize = 32;

/// `T name[n]` in the block's static shared memory: poisoned anew in each block, with red zones. The lambda's
/// type is the array's identity.
#define SHARED_ARRAY(T, name, n) T(&name)[n] = emulated_device::shared_array<T, (n)>([] {})

/// The block's dynamic shared memory, as many bytes as the launch asked for, 16-byte aligned.
template <class T>
T* dyn_shared() {
    return static_cast<T*>(emulated_device::dynamic_shared());
}

/// Queues `kernel` on `stream`. Arguments convert to the kernel's parameter types, which are copied as bytes.
template <class... Parameters>
[[nodiscard]] cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block,
                                 std::size_t shared_bytes, cudaStream_t stream,
                                 std::type_identity_t<Parameters>... arguments) {
    static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel parameters are copied as bytes");
    const auto address = reinterpret_cast<const void*>(kernel);
    const auto check = [=] { (emulated_device::check_parameter(address, arguments), ...); };
    check();
    return emulated_device::launch_kernel(
        address, grid, block, shared_bytes, stream, [=] { kernel(arguments...); }, check);
}

// The vendor's C++ forms of these are for nvcc alone.
template <class Function>
cudaError_t cudaFuncSetAttribute(Function* kernel, cudaFuncAttribute attribute, int value) {
    return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class Function>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, Function* kernel) {
    return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}
