#include "gemm.hpp"

#include <cblas.h>
#include <cuda_bf16.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "cublas_handle.hpp"
#include "fault.hpp"

namespace emulated_device {
namespace {

std::size_t element_bytes(cudaDataType type) {
    return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

struct Shape {
    std::int64_t rows, columns;
};
Shape stored(cublasOperation_t transpose, std::int64_t rows, std::int64_t columns) {
    return transpose == CUBLAS_OP_N ? Shape{rows, columns} : Shape{columns, rows};
}

CBLAS_TRANSPOSE blas_transpose(cublasOperation_t transpose) {
    return transpose == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

/// The matrix as fp32 without gaps, rounded to tf32 where asked for.
std::vector<float> widened(const GemmMatrix& matrix, Shape shape, bool tf32) {
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(shape.rows * shape.columns));
    for (std::int64_t column = 0; column < shape.columns; ++column) {
        for (std::int64_t row = 0; row < shape.rows; ++row) {
            const std::int64_t at = column * matrix.leading + row;
            const float value = matrix.type == CUDA_R_32F
                                    ? static_cast<const float*>(matrix.start)[at]
                                    : __bfloat162float(static_cast<const __nv_bfloat16*>(matrix.start)[at]);
            values.push_back(tf32 ? rounded_to_tf32(value) : value);
        }
    }
    return values;
}

void run_fp64(const Gemm& g) {
    cblas_dgemm(CblasColMajor, blas_transpose(g.transpose_a), blas_transpose(g.transpose_b),
                narrow(g.m, g.name), narrow(g.n, g.name), narrow(g.k, g.name), g.alpha,
                static_cast<const double*>(g.a.start), narrow(g.a.leading, g.name),
                static_cast<const double*>(g.b.start), narrow(g.b.leading, g.name), g.beta,
                static_cast<double*>(const_cast<void*>(g.c.start)), narrow(g.c.leading, g.name));
}

void run_fp32(const Gemm& g) {
    const Shape a = stored(g.transpose_a, g.m, g.k), b = stored(g.transpose_b, g.k, g.n);
    const std::vector<float> a_values = widened(g.a, a, g.tf32), b_values = widened(g.b, b, g.tf32);
    std::vector<float> c_values(static_cast<std::size_t>(g.m * g.n));
    if (g.beta != 0) c_values = widened(g.c, {g.m, g.n}, false);
    const auto leading = [&](std::int64_t rows) { return narrow(std::max<std::int64_t>(1, rows), g.name); };
    cblas_sgemm(CblasColMajor, blas_transpose(g.transpose_a), blas_transpose(g.transpose_b),
                narrow(g.m, g.name), narrow(g.n, g.name), narrow(g.k, g.name), static_cast<float>(g.alpha),
                a_values.data(), leading(a.rows), b_values.data(), leading(b.rows),
                static_cast<float>(g.beta), c_values.data(), leading(g.m));
    void* const c = const_cast<void*>(g.c.start);
    for (std::int64_t column = 0; column < g.n; ++column) {
        for (std::int64_t row = 0; row < g.m; ++row) {
            const std::int64_t at = column * g.c.leading + row;
            const float value = c_values[static_cast<std::size_t>(column * g.m + row)];
            if (g.c.type == CUDA_R_32F) {
                static_cast<float*>(c)[at] = value;
            } else {
                static_cast<__nv_bfloat16*>(c)[at] = __float2bfloat16_rn(value);
            }
        }
    }
}

GemmMatrix in_batch(GemmMatrix matrix, std::int64_t index) {
    const auto offset = static_cast<std::ptrdiff_t>(index * matrix.stride) *
                        static_cast<std::ptrdiff_t>(element_bytes(matrix.type));
    matrix.start = static_cast<const char*>(matrix.start) + offset;
    return matrix;
}

DeviceRange range_of(const Gemm& g, const GemmMatrix& matrix, Shape shape) {
    DeviceRange range = matrix_range(g.name, matrix.start, shape.rows, shape.columns, matrix.leading,
                                     element_bytes(matrix.type));
    if (range.bytes > 0)
        range.bytes += static_cast<std::size_t>((g.batch - 1) * matrix.stride) * element_bytes(matrix.type);
    return range;
}

const char* type_of(const Gemm& g) {
    return g.a.type == CUDA_R_64F ? "fp64" : g.a.type == CUDA_R_16BF ? "bf16" : g.tf32 ? "tf32" : "fp32";
}

}  // namespace

float rounded_to_tf32(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    constexpr std::uint32_t exponent = 0x7f800000, dropped = 0x1fff, half = 0x1000;
    if ((bits & exponent) == exponent) return value;  // infinities and NaN
    return std::bit_cast<float>((bits + half) & ~dropped);
}

cublasStatus_t queue_gemm(cublasHandle_t handle, const Gemm& g) {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    const Shape a = stored(g.transpose_a, g.m, g.k), b = stored(g.transpose_b, g.k, g.n);
    if (g.m < 0 || g.n < 0 || g.k < 0 || g.batch < 0 || g.a.leading < std::max<std::int64_t>(1, a.rows) ||
        g.b.leading < std::max<std::int64_t>(1, b.rows) || g.c.leading < std::max<std::int64_t>(1, g.m))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (g.m == 0 || g.n == 0 || g.batch == 0) return CUBLAS_STATUS_SUCCESS;
    if (g.c.start == g.a.start || g.c.start == g.b.start) fault(g.name + ": C is one of the factors");
    if (g.batch > 1 && g.c.stride < g.c.leading * (g.n - 1) + g.m)
        fault(g.name + ": the batch's results overlap");
    if (g.a.stride < 0 || g.b.stride < 0) fault(g.name + ": negative strides are not emulated");
    return queue(handle, {g.name, type_of(g), g.m, g.n, g.k, g.batch},
                 {range_of(g, g.a, a), range_of(g, g.b, b), range_of(g, g.c, {g.m, g.n})}, [g] {
                     for (std::int64_t i = 0; i < g.batch; ++i) {
                         Gemm one = g;
                         one.a = in_batch(g.a, i);
                         one.b = in_batch(g.b, i);
                         one.c = in_batch(g.c, i);
                         if (g.c.type == CUDA_R_64F) {
                             run_fp64(one);
                         } else {
                             run_fp32(one);
                         }
                     }
                 });
}

}  // namespace emulated_device
