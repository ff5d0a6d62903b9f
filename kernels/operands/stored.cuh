// Stored numbers (kernels/base/stored.hpp) on CUDA. A kernel takes what it reads and writes with its type
// beside it and finds the type once a row, not once a number: one kernel serves all of them.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <port.cuh>

#include "kernels/base/stored.hpp"
#include "kernels/operands/operands.cuh"

namespace ntpgeo::operands {

__device__ inline float widen(__half value) {
    return __half2float(value);
}

/// A number that is stored as Element; 16 bits by way of fp32.
template <class Element>
__device__ inline Element rounded_to(double value) {
    if constexpr (std::is_same_v<Element, __nv_bfloat16>)
        return __float2bfloat16_rn(static_cast<float>(value));
    else if constexpr (std::is_same_v<Element, __half>)
        return __float2half_rn(static_cast<float>(value));
    else
        return static_cast<Element>(value);
}

/// Calls work(pointer) with `data` as a pointer to what is stored there.
template <class Work>
__host__ __device__ inline void with_stored(void* data, Storage storage, const Work& work) {
    switch (storage) {
        case Storage::bf16:
            return work(static_cast<__nv_bfloat16*>(data));
        case Storage::fp16:
            return work(static_cast<__half*>(data));
        case Storage::fp32:
            return work(static_cast<float*>(data));
        case Storage::fp64:
            return work(static_cast<double*>(data));
    }
}

/// to [padded_rows, copies·padded_columns] ← from [rows, columns], zeros in the padding. A block a row.
template <class A, Side side>
__global__ void __launch_bounds__(128)
    convert_kernel(StoredMatrix from, typename A::Operand* __restrict__ to, std::int64_t padded_columns) {
    const std::int64_t row = blockIdx.x;
    typename A::Operand* const out = to + row * copies<A> * padded_columns;
    with_stored(from.data, from.storage, [&](const auto* elements) {
        for (std::int64_t k = threadIdx.x; k < padded_columns; k += blockDim.x) {
            const bool inside = row < from.rows && k < from.columns;
            const Terms<A> terms(inside
                                     ? static_cast<typename A::Logit>(widen(elements[row * from.stride + k]))
                                     : typename A::Logit{0});
            for (std::int64_t copy = 0; copy < copies<A>; ++copy)
                out[copy * padded_columns + k] = terms.term[term_of_copy(side, copy)];
        }
    });
}

template <class A, Side side>
void convert(const StoredMatrix& from, typename A::Operand* to, std::int64_t padded_rows,
             std::int64_t padded_columns, cudaStream_t stream) {
    NTPGEO_CHECK(launch(convert_kernel<A, side>, dim3(static_cast<unsigned>(padded_rows)), dim3(128), 0,
                        stream, from, to, padded_columns));
}

}  // namespace ntpgeo::operands
