// The three products of a loss step by cuBLAS, and sums down the columns of a matrix. Everything of ours is
// row-major, so that each product is cuBLAS's column-major one with its operands exchanged.
#pragma once

#include <cublas_v2.h>

#include <algorithm>
#include <cstdint>
#include <port.cuh>

#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/operands/stored.cuh"

namespace ntpgeo::anchored_xent::cuda {

using namespace operands;

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

// Both gradient products, for two terms in three parts: 1·1, 1·2 and 2·1, in this order.
template <class A>
inline constexpr int parts = A::terms == 2 ? 3 : 1;
inline constexpr int term_of_exponentials[3] = {0, 0, 1}, term_of_factor[3] = {0, 1, 0};

inline constexpr std::int64_t longest_sum = 4096;  // of the largest part

/// Calls work(part, begin, length, first) for what one product sums over, 0 .. inner−1. Tensor cores are
/// known to cut their partial sums off, always towards zero, so that a long sum is off by more than two
/// terms keep. The largest part is summed in slabs, which are added to each other rounded to nearest.
template <class A, class Work>
void for_each_part(std::int64_t inner, const Work& work) {
    for (int part = 0; part < parts<A>; ++part) {
        const std::int64_t slab = A::terms == 2 && part == 0 ? longest_sum : inner;
        for (std::int64_t begin = 0; begin < inner; begin += slab)
            work(part, begin, std::min(slab, inner - begin), part == 0 && begin == 0);
    }
}

inline constexpr int column_threads = 32;  // columns a block
inline constexpr int row_threads = 8;      // rows that are summed side by side

/// out [columns] = Σ over the rows of a [rows, stride], over `divisor`: eight interleaved sums a column,
/// added in order. Kept by hand: CUB sums what is contiguous, and these columns are not.
template <class T>
__global__ void __launch_bounds__(column_threads* row_threads)
    column_sums_kernel(const T* __restrict__ a, double* __restrict__ out, std::int64_t rows,
                       std::int64_t columns, std::int64_t stride, double divisor) {
    SHARED_ARRAY(double, partial, column_threads* row_threads);
    const std::int64_t column = blockIdx.x * column_threads + threadIdx.x;
    double sum = 0;
    if (column < columns)
        for (std::int64_t row = threadIdx.y; row < rows; row += row_threads)
            sum += static_cast<double>(widen(a[row * stride + column]));
    partial[threadIdx.y * column_threads + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || column >= columns) return;
    for (int k = 1; k < row_threads; ++k) sum += partial[k * column_threads + threadIdx.x];
    out[column] = sum / divisor;
}

template <class T>
void column_sums(const T* a, double* out, std::int64_t rows, std::int64_t columns, std::int64_t stride,
                 double divisor, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((columns + column_threads - 1) / column_threads);
    NTPGEO_CHECK(launch(column_sums_kernel<T>, dim3(blocks), dim3(column_threads, row_threads), 0, stream, a,
                        out, rows, columns, stride, divisor));
}

/// mean [columns] over the rows of a.
inline void mean_row(const StoredMatrix& a, double* mean, cudaStream_t stream) {
    with_stored(a.data, a.storage, [&](const auto* elements) {
        column_sums(elements, mean, a.rows, a.columns, a.stride, static_cast<double>(a.rows), stream);
    });
}

}  // namespace ntpgeo::anchored_xent::cuda
