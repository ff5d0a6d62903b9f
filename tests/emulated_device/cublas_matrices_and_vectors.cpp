// cublas{D,S}{syrk,geam,scal,axpy,dot,nrm2}, against the vendor's prototypes.
#include <cblas.h>
#include <cublas_v2.h>

#include <algorithm>

#include "cublas_handle.hpp"
#include "fault.hpp"

namespace emulated_device {
namespace {

template <class T>
cublasStatus_t syrk(cublasHandle_t handle, const std::string& name, cublasFillMode_t part,
                    cublasOperation_t transpose, std::int64_t n, std::int64_t k, const T* alpha_at,
                    const T* a, std::int64_t lda, const T* beta_at, T* c, std::int64_t ldc) {
    const bool plain = transpose == CUBLAS_OP_N;
    const std::int64_t rows = plain ? n : k, columns = plain ? k : n;
    if (n < 0 || k < 0 || lda < std::max<std::int64_t>(1, rows) || ldc < std::max<std::int64_t>(1, n))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (part == CUBLAS_FILL_MODE_FULL) return CUBLAS_STATUS_INVALID_VALUE;
    const T alpha = host_scalar<T>(handle, alpha_at, name), beta = host_scalar<T>(handle, beta_at, name);
    const auto triangle = part == CUBLAS_FILL_MODE_LOWER ? CblasLower : CblasUpper;
    const auto order = plain ? CblasNoTrans : CblasTrans;
    const int small_n = narrow(n, name), small_k = narrow(k, name), small_lda = narrow(lda, name),
              small_ldc = narrow(ldc, name);
    return queue(
        handle, {name, name_of_real<T>, n, n, k},
        {matrix_range(name, a, rows, columns, lda, sizeof(T)), matrix_range(name, c, n, n, ldc, sizeof(T))},
        [=] {
            if constexpr (sizeof(T) == 8)
                cblas_dsyrk(CblasColMajor, triangle, order, small_n, small_k, alpha, a, small_lda, beta, c,
                            small_ldc);
            else
                cblas_ssyrk(CblasColMajor, triangle, order, small_n, small_k, alpha, a, small_lda, beta, c,
                            small_ldc);
        });
}

/// C = alpha·op(A) + beta·op(B), m×n. A factor whose scalar is 0 is not read. C may be a factor that is not
/// transposed.
template <class T>
cublasStatus_t geam(cublasHandle_t handle, const std::string& name, cublasOperation_t transpose_a,
                    cublasOperation_t transpose_b, std::int64_t m, std::int64_t n, const T* alpha_at,
                    const T* a, std::int64_t lda, const T* beta_at, const T* b, std::int64_t ldb, T* c,
                    std::int64_t ldc) {
    const bool plain_a = transpose_a == CUBLAS_OP_N, plain_b = transpose_b == CUBLAS_OP_N;
    const T alpha = host_scalar<T>(handle, alpha_at, name), beta = host_scalar<T>(handle, beta_at, name);
    const auto one = std::int64_t{1};
    if (m < 0 || n < 0 || lda < std::max(one, plain_a ? m : n) || ldb < std::max(one, plain_b ? m : n) ||
        ldc < std::max(one, m))
        return CUBLAS_STATUS_INVALID_VALUE;
    if ((c == a && (!plain_a || lda != ldc)) || (c == b && (!plain_b || ldb != ldc)))
        return CUBLAS_STATUS_INVALID_VALUE;
    std::vector<DeviceRange> ranges{matrix_range(name, c, m, n, ldc, sizeof(T))};
    if (alpha != 0) ranges.push_back(matrix_range(name, a, plain_a ? m : n, plain_a ? n : m, lda, sizeof(T)));
    if (beta != 0) ranges.push_back(matrix_range(name, b, plain_b ? m : n, plain_b ? n : m, ldb, sizeof(T)));
    return queue(handle, {name, name_of_real<T>, m, n}, ranges, [=] {
        for (std::int64_t j = 0; j < n; ++j) {
            for (std::int64_t i = 0; i < m; ++i) {
                const T from_a = alpha == 0 ? 0 : alpha * (plain_a ? a[j * lda + i] : a[i * lda + j]);
                const T from_b = beta == 0 ? 0 : beta * (plain_b ? b[j * ldb + i] : b[i * ldb + j]);
                c[j * ldc + i] = from_a + from_b;
            }
        }
    });
}

template <class T>
DeviceRange vector_range(const std::string& name, const T* x, std::int64_t n, std::int64_t step) {
    if (step <= 0) fault(name + ": increments that are not positive are not emulated");
    return matrix_range(name, x, 1, n, step, sizeof(T));
}

template <class T>
cublasStatus_t scal(cublasHandle_t handle, const std::string& name, std::int64_t n, const T* alpha_at, T* x,
                    std::int64_t step) {
    const T alpha = host_scalar<T>(handle, alpha_at, name);
    if (n <= 0) return CUBLAS_STATUS_SUCCESS;
    return queue(handle, {name, name_of_real<T>, n}, {vector_range(name, x, n, step)}, [=] {
        for (std::int64_t i = 0; i < n; ++i) x[i * step] *= alpha;
    });
}

template <class T>
cublasStatus_t axpy(cublasHandle_t handle, const std::string& name, std::int64_t n, const T* alpha_at,
                    const T* x, std::int64_t x_step, T* y, std::int64_t y_step) {
    const T alpha = host_scalar<T>(handle, alpha_at, name);
    if (n <= 0) return CUBLAS_STATUS_SUCCESS;
    return queue(handle, {name, name_of_real<T>, n},
                 {vector_range(name, x, n, x_step), vector_range(name, y, n, y_step)}, [=] {
                     for (std::int64_t i = 0; i < n; ++i) y[i * y_step] += alpha * x[i * x_step];
                 });
}

/// A result in host memory: the call returns when it is there.
template <class T, class Compute>
cublasStatus_t reduce(cublasHandle_t handle, const std::string& name, std::int64_t n,
                      std::vector<DeviceRange> ranges, T* result, Compute compute) {
    require_host_scalar(handle, result, name);
    const std::lock_guard lock(device_mutex());
    CUstream_st& stream = Streams::instance().of(handle->stream);
    if (stream.capture != nullptr) return CUBLAS_STATUS_EXECUTION_FAILED;
    const cublasStatus_t status =
        queue(handle, {name, name_of_real<T>, n}, std::move(ranges), [=] { *result = compute(); });
    count(&Counts::synchronisations);
    Streams::instance().finish(stream);
    return status;
}

template <class T>
cublasStatus_t dot(cublasHandle_t handle, const std::string& name, std::int64_t n, const T* x,
                   std::int64_t x_step, const T* y, std::int64_t y_step, T* result) {
    const int size = narrow(std::max<std::int64_t>(n, 0), name), small_x = narrow(x_step, name),
              small_y = narrow(y_step, name);
    return reduce(handle, name, n, {vector_range(name, x, size, x_step), vector_range(name, y, size, y_step)},
                  result, [=] {
                      if constexpr (sizeof(T) == 8)
                          return cblas_ddot(size, x, small_x, y, small_y);
                      else
                          return cblas_sdot(size, x, small_x, y, small_y);
                  });
}

template <class T>
cublasStatus_t nrm2(cublasHandle_t handle, const std::string& name, std::int64_t n, const T* x,
                    std::int64_t step, T* result) {
    const int size = narrow(std::max<std::int64_t>(n, 0), name), small_step = narrow(step, name);
    return reduce(handle, name, n, {vector_range(name, x, size, step)}, result, [=] {
        if constexpr (sizeof(T) == 8)
            return cblas_dnrm2(size, x, small_step);
        else
            return cblas_snrm2(size, x, small_step);
    });
}

}  // namespace
}  // namespace emulated_device

using namespace emulated_device;

#define EMULATED_BLAS(letter, T, suffix, Integer)                                                            \
    cublasStatus_t cublas##letter##syrk_v2##suffix(                                                          \
        cublasHandle_t handle, cublasFillMode_t part, cublasOperation_t transpose, Integer n, Integer k,     \
        const T* alpha, const T* a, Integer lda, const T* beta, T* c, Integer ldc) {                         \
        return syrk(handle, "cublas" #letter "syrk", part, transpose, n, k, alpha, a, lda, beta, c, ldc);    \
    }                                                                                                        \
    cublasStatus_t cublas##letter##geam##suffix(cublasHandle_t handle, cublasOperation_t transpose_a,        \
                                                cublasOperation_t transpose_b, Integer m, Integer n,         \
                                                const T* alpha, const T* a, Integer lda, const T* beta,      \
                                                const T* b, Integer ldb, T* c, Integer ldc) {                \
        return geam(handle, "cublas" #letter "geam", transpose_a, transpose_b, m, n, alpha, a, lda, beta, b, \
                    ldb, c, ldc);                                                                            \
    }                                                                                                        \
    cublasStatus_t cublas##letter##scal_v2##suffix(cublasHandle_t handle, Integer n, const T* alpha, T* x,   \
                                                   Integer step) {                                           \
        return scal(handle, "cublas" #letter "scal", n, alpha, x, step);                                     \
    }                                                                                                        \
    cublasStatus_t cublas##letter##axpy_v2##suffix(cublasHandle_t handle, Integer n, const T* alpha,         \
                                                   const T* x, Integer x_step, T* y, Integer y_step) {       \
        return axpy(handle, "cublas" #letter "axpy", n, alpha, x, x_step, y, y_step);                        \
    }                                                                                                        \
    cublasStatus_t cublas##letter##dot_v2##suffix(cublasHandle_t handle, Integer n, const T* x,              \
                                                  Integer x_step, const T* y, Integer y_step, T* result) {   \
        return dot(handle, "cublas" #letter "dot", n, x, x_step, y, y_step, result);                         \
    }                                                                                                        \
    cublasStatus_t cublas##letter##nrm2_v2##suffix(cublasHandle_t handle, Integer n, const T* x,             \
                                                   Integer step, T* result) {                                \
        return nrm2(handle, "cublas" #letter "nrm2", n, x, step, result);                                    \
    }

extern "C" {

EMULATED_BLAS(D, double, , int)
EMULATED_BLAS(D, double, _64, std::int64_t)
EMULATED_BLAS(S, float, , int)
EMULATED_BLAS(S, float, _64, std::int64_t)

}  // extern "C"
