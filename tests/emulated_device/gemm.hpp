// Matrix products of the emulated cuBLAS, by OpenBLAS.
#pragma once

#include <cublas_v2.h>

#include <cstdint>
#include <string>

namespace emulated_device {

/// One matrix of a product, or the first of a strided batch: column-major, `stride` elements to the next.
struct GemmMatrix {
    const void* start;
    cudaDataType type;
    std::int64_t leading;
    long long stride = 0;
};

/// C = alpha·op(A)·op(B) + beta·C, `batch` times; op(A) is m×k, op(B) is k×n. fp32 scalars are held as
/// doubles.
struct Gemm {
    std::string name;
    cublasOperation_t transpose_a, transpose_b;
    std::int64_t m, n, k;
    double alpha, beta;
    GemmMatrix a, b, c;
    bool tf32;
    std::int64_t batch = 1;
};

cublasStatus_t queue_gemm(cublasHandle_t handle, const Gemm& gemm);

/// fp32 rounded to the 10 fraction bits of tf32: to nearest, ties away from zero (PTX cvt.rna.tf32).
float rounded_to_tf32(float value);

}  // namespace emulated_device
