// cublas{D,S}gemm, cublasGemmEx and cublasGemmStridedBatchedEx, in both integer widths, against the vendor's
// prototypes.
#include <cublas_v2.h>

#include "cublas_handle.hpp"
#include "fault.hpp"
#include "gemm.hpp"

namespace emulated_device {
namespace {

/// The types that are emulated: fp64; fp32 in fp32 or tf32; bf16 into fp32 or bf16, accumulated in fp32.
void require_types(const std::string& name, cudaDataType a, cudaDataType b, cudaDataType c,
                   cublasComputeType_t compute) {
    const bool fp64 = compute == CUBLAS_COMPUTE_64F && a == CUDA_R_64F && c == CUDA_R_64F;
    const bool fp32 = (compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC) &&
                      a == CUDA_R_32F && c == CUDA_R_32F;
    const bool tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a == CUDA_R_32F && c == CUDA_R_32F;
    const bool bf16 =
        compute == CUBLAS_COMPUTE_32F && a == CUDA_R_16BF && (c == CUDA_R_16BF || c == CUDA_R_32F);
    if (a != b || !(fp64 || fp32 || tf32 || bf16))
        fault(name + ": these types are not emulated, or not possible");
}

double scalar(cublasHandle_t handle, const void* scalar, cublasComputeType_t compute,
              const std::string& name) {
    return compute == CUBLAS_COMPUTE_64F ? host_scalar<double>(handle, scalar, name)
                                         : static_cast<double>(host_scalar<float>(handle, scalar, name));
}

cublasStatus_t gemm(cublasHandle_t handle, const char* name, cublasOperation_t transpose_a,
                    cublasOperation_t transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                    const void* alpha, GemmMatrix a, GemmMatrix b, const void* beta, GemmMatrix c,
                    std::int64_t batch, cublasComputeType_t compute) {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    require_types(name, a.type, b.type, c.type, compute);
    const bool by_mode = compute == CUBLAS_COMPUTE_32F && a.type == CUDA_R_32F &&
                         handle->math_mode == CUBLAS_TF32_TENSOR_OP_MATH;
    return queue_gemm(handle, {name, transpose_a, transpose_b, m, n, k, scalar(handle, alpha, compute, name),
                               scalar(handle, beta, compute, name), a, b, c,
                               by_mode || compute == CUBLAS_COMPUTE_32F_FAST_TF32, batch});
}

}  // namespace
}  // namespace emulated_device

using namespace emulated_device;

// Each entry point in the vendor's two integer widths.
#define EMULATED_GEMM(function, name, T, type, compute, Integer)                                            \
    cublasStatus_t function(cublasHandle_t handle, cublasOperation_t transpose_a,                           \
                            cublasOperation_t transpose_b, Integer m, Integer n, Integer k, const T* alpha, \
                            const T* a, Integer lda, const T* b, Integer ldb, const T* beta, T* c,          \
                            Integer ldc) {                                                                  \
        return gemm(handle, name, transpose_a, transpose_b, m, n, k, alpha, {a, type, lda}, {b, type, ldb}, \
                    beta, {c, type, ldc}, 1, compute);                                                      \
    }
#define EMULATED_GEMM_EX(function, Integer)                                                              \
    cublasStatus_t function(                                                                             \
        cublasHandle_t handle, cublasOperation_t transpose_a, cublasOperation_t transpose_b, Integer m,  \
        Integer n, Integer k, const void* alpha, const void* a, cudaDataType a_type, Integer lda,        \
        const void* b, cudaDataType b_type, Integer ldb, const void* beta, void* c, cudaDataType c_type, \
        Integer ldc, cublasComputeType_t compute, cublasGemmAlgo_t) {                                    \
        return gemm(handle, "cublasGemmEx", transpose_a, transpose_b, m, n, k, alpha, {a, a_type, lda},  \
                    {b, b_type, ldb}, beta, {c, c_type, ldc}, 1, compute);                               \
    }
#define EMULATED_GEMM_BATCHED(function, Integer)                                                        \
    cublasStatus_t function(                                                                            \
        cublasHandle_t handle, cublasOperation_t transpose_a, cublasOperation_t transpose_b, Integer m, \
        Integer n, Integer k, const void* alpha, const void* a, cudaDataType a_type, Integer lda,       \
        long long a_stride, const void* b, cudaDataType b_type, Integer ldb, long long b_stride,        \
        const void* beta, void* c, cudaDataType c_type, Integer ldc, long long c_stride, Integer batch, \
        cublasComputeType_t compute, cublasGemmAlgo_t) {                                                \
        return gemm(handle, "cublasGemmStridedBatchedEx", transpose_a, transpose_b, m, n, k, alpha,     \
                    {a, a_type, lda, a_stride}, {b, b_type, ldb, b_stride}, beta,                       \
                    {c, c_type, ldc, c_stride}, batch, compute);                                        \
    }

extern "C" {

EMULATED_GEMM(cublasDgemm_v2, "cublasDgemm", double, CUDA_R_64F, CUBLAS_COMPUTE_64F, int)
EMULATED_GEMM(cublasDgemm_v2_64, "cublasDgemm", double, CUDA_R_64F, CUBLAS_COMPUTE_64F, std::int64_t)
EMULATED_GEMM(cublasSgemm_v2, "cublasSgemm", float, CUDA_R_32F, CUBLAS_COMPUTE_32F, int)
EMULATED_GEMM(cublasSgemm_v2_64, "cublasSgemm", float, CUDA_R_32F, CUBLAS_COMPUTE_32F, std::int64_t)
EMULATED_GEMM_EX(cublasGemmEx, int)
EMULATED_GEMM_EX(cublasGemmEx_64, std::int64_t)
EMULATED_GEMM_BATCHED(cublasGemmStridedBatchedEx, int)
EMULATED_GEMM_BATCHED(cublasGemmStridedBatchedEx_64, std::int64_t)

}  // extern "C"
