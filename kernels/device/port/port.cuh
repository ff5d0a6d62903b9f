// The production half of the port layer (nvcc). Its twin of the same name in tests/emulated_device/port lets
// g++ build the same .cu files against the emulated device (design 4.5); the include path chooses.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <type_traits>

/// `T name[n]` in the block's static shared memory.
#define SHARED_ARRAY(T, name, n) __shared__ T name[n]

/// The block's dynamic shared memory, as many bytes as the launch asked for, 16-byte aligned.
template <class T>
__device__ inline T* dyn_shared() {
    extern __shared__ __align__(16) unsigned char dynamic_shared_memory[];
    return reinterpret_cast<T*>(dynamic_shared_memory);
}

/// 2^x to two ulp, subnormal inputs and results flushed to zero.
__device__ inline float exp2_approx(float x) {
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
}

/// Queues `kernel` on `stream`. Arguments convert to the kernel's parameter types, which are copied as bytes.
template <class... Parameters>
[[nodiscard]] cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block,
                                 std::size_t shared_bytes, cudaStream_t stream,
                                 std::type_identity_t<Parameters>... arguments) {
    static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel parameters are copied as bytes");
    cudaLaunchConfig_t configuration{};
    configuration.gridDim = grid;
    configuration.blockDim = block;
    configuration.dynamicSmemBytes = shared_bytes;
    configuration.stream = stream;
    return cudaLaunchKernelEx(&configuration, kernel, arguments...);
}
