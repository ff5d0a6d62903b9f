// The production half of the port layer: what CUDA sources use instead of the language extensions that only
// nvcc understands (design 4.5). The include path picks this file or the one of the same name in
// tests/emulated_device/port.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <type_traits>

/// A static shared array `T name[n]` of the block.
#define SHARED_ARRAY(T, name, n) __shared__ T name[n]

namespace ntpgeo::device {

/// The block's dynamic shared memory, 16-byte aligned.
template <class T>
__device__ T* dyn_shared() {
    extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
    return reinterpret_cast<T*>(dynamic_shared_bytes);
}

/// Queues kernel<<<grid, block, shared_bytes, stream>>>(arguments...). The status is that of the launch; what
/// goes wrong while the kernel runs shows at a later call.
template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
                   cudaStream_t stream, const Arguments&... arguments) {
    static_assert((std::is_trivially_copyable_v<Parameters> && ...), "parameters are copied as bytes");
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

}  // namespace ntpgeo::device
