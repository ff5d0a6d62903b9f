// The three products of a loss step by cuBLAS. Everything of ours is row-major, so that each product is
// cuBLAS's column-major one with its operands exchanged.
#pragma once

#include <cublas_v2.h>

#include <cstdint>

#include "kernels/device/status.cuh"
#include "kernels/operands/arithmetic.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// A row-major matrix of operands: element (i, k) at data[i·stride + k].
template <class Element>
struct Rows {
    Element* data;
    std::int64_t stride;
};

/// C [rows, columns] = op(A)·op(B) + beta·C, summed over `inner`, alpha = 1. Deterministic: cuBLAS on one
/// stream with its own workspace.
template <class A>
void product(cublasHandle_t cublas, bool transpose_a, bool transpose_b, std::int64_t rows,
             std::int64_t columns, std::int64_t inner, Rows<const typename A::Operand> a,
             Rows<const typename A::Operand> b, double beta, Rows<typename A::Logit> c) {
    const typename A::Logit one{1}, factor = static_cast<typename A::Logit>(beta);
    const auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    NTPGEO_CHECK(cublasGemmEx(cublas, op(transpose_b), op(transpose_a), static_cast<int>(columns),
                              static_cast<int>(rows), static_cast<int>(inner), &one, b.data, A::operand_type,
                              static_cast<int>(b.stride), a.data, A::operand_type, static_cast<int>(a.stride),
                              &factor, c.data, A::logit_type, static_cast<int>(c.stride), A::compute_type,
                              CUBLAS_GEMM_DEFAULT));
}

}  // namespace ntpgeo::anchored_xent::cuda
