// What each GEMM precision of a loss step is made of on CUDA: the type of the operands, the type that
// products are summed and logits are kept in, and how a number becomes operands.
#pragma once

#include <port.cuh>

#include <cublas_v2.h>

#include "kernels/base/status.hpp"
#include "kernels/base/views.hpp"

namespace ntpgeo::operands {

/// `terms` operands stand for one number; their sum is the number as the products see it.
template <Precision precision>
struct Arithmetic;

template <>
struct Arithmetic<Precision::fp64> {
    using Operand = double;
    using Logit = double;
    static constexpr int terms = 1;
    static constexpr cudaDataType_t operand_type = CUDA_R_64F, logit_type = CUDA_R_64F;
    static constexpr cublasComputeType_t compute_type = CUBLAS_COMPUTE_64F;
    static __device__ double round(double value) { return value; }
};

template <>
struct Arithmetic<Precision::fp32> {
    using Operand = float;
    using Logit = float;
    static constexpr int terms = 1;
    static constexpr cudaDataType_t operand_type = CUDA_R_32F, logit_type = CUDA_R_32F;
    static constexpr cublasComputeType_t compute_type = CUBLAS_COMPUTE_32F;
    static __device__ float round(double value) { return static_cast<float>(value); }
    static __device__ float round(float value) { return value; }
};

template <>
struct Arithmetic<Precision::tf32> {
    using Operand = float;
    using Logit = float;
    static constexpr int terms = 1;
    static constexpr cudaDataType_t operand_type = CUDA_R_32F, logit_type = CUDA_R_32F;
    static constexpr cublasComputeType_t compute_type = CUBLAS_COMPUTE_32F_FAST_TF32;
    /// To the nearest number of 10 mantissa bits. The tensor cores would cut the other 13 off, always towards
    /// zero. Infinity and NaN stay what they are.
    static __device__ float round(float value) {
        const unsigned bits = __float_as_uint(value);
        if ((bits & 0x7f800000U) == 0x7f800000U) return value;
        return __uint_as_float((bits + 0x1000U) & 0xffffe000U);
    }
    static __device__ float round(double value) { return round(static_cast<float>(value)); }
};

template <>
struct Arithmetic<Precision::bf16> {
    using Operand = __nv_bfloat16;
    using Logit = float;
    static constexpr int terms = 1;
    static constexpr cudaDataType_t operand_type = CUDA_R_16BF, logit_type = CUDA_R_32F;
    static constexpr cublasComputeType_t compute_type = CUBLAS_COMPUTE_32F;
    static __device__ __nv_bfloat16 round(float value) { return __float2bfloat16_rn(value); }
    static __device__ __nv_bfloat16 round(double value) { return round(static_cast<float>(value)); }
};

/// Two terms, and three of the four products of two such sums: the fourth is below the rounding of the
/// others.
template <>
struct Arithmetic<Precision::bf16x3> : Arithmetic<Precision::bf16> {
    static constexpr int terms = 2;
};

/// Calls `work` with the arithmetic of `precision`.
template <class Work>
decltype(auto) with_arithmetic(Precision precision, Work&& work) {
    switch (precision) {
        case Precision::fp64:
            return work(Arithmetic<Precision::fp64>{});
        case Precision::fp32:
            return work(Arithmetic<Precision::fp32>{});
        case Precision::tf32:
            return work(Arithmetic<Precision::tf32>{});
        case Precision::bf16:
            return work(Arithmetic<Precision::bf16>{});
        case Precision::bf16x3:
            return work(Arithmetic<Precision::bf16x3>{});
    }
    throw Failure("unknown GEMM precision");
}

/// A number of an operand as fp32 or fp64 again.
__device__ inline double widen(double value) {
    return value;
}
__device__ inline float widen(float value) {
    return value;
}
__device__ inline float widen(__nv_bfloat16 value) {
    return __bfloat162float(value);
}

/// The operands of one number.
template <class A>
struct Terms {
    typename A::Operand term[A::terms];

    __device__ explicit Terms(typename A::Logit value) {
        term[0] = A::round(value);
        if constexpr (A::terms == 2) {
            const typename A::Logit rest = value - widen(term[0]);
            term[1] = A::round(isfinite(rest) ? rest : 0);  // nothing is left of an infinity
        }
    }
    [[nodiscard]] __device__ typename A::Logit sum() const {
        if constexpr (A::terms == 2) return widen(term[0]) + widen(term[1]);
        return widen(term[0]);
    }
};

}  // namespace ntpgeo::operands
