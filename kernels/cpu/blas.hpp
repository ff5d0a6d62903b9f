// OpenBLAS as the CPU's sources use it: on one thread, by overloads on the element type, and in memory
// aligned for it.
#pragma once

#include <cblas.h>
#include <omp.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace ntpgeo {

/// Cache-line aligned memory of trivial elements, uninitialised.
template <class T>
class AlignedArray {
  public:
    AlignedArray() = default;
    explicit AlignedArray(std::int64_t size)
        : data_(static_cast<T*>(
              std::aligned_alloc(64, (static_cast<std::size_t>(size) * sizeof(T) + 64) / 64 * 64))) {
        if (!data_) throw std::bad_alloc();
    }
    [[nodiscard]] T* data() const { return data_.get(); }

  private:
    struct Free {
        void operator()(T* pointer) const { std::free(pointer); }
    };
    std::unique_ptr<T[], Free> data_;
};

/// C = alpha·op(A)·op(B) + beta·C, row-major, on the calling thread (the backend sets OpenBLAS to one
/// thread).
inline void gemm(CBLAS_TRANSPOSE a_op, CBLAS_TRANSPOSE b_op, std::int64_t m, std::int64_t n, std::int64_t k,
                 double alpha, const double* a, std::int64_t lda, const double* b, std::int64_t ldb,
                 double beta, double* c, std::int64_t ldc) {
    cblas_dgemm(CblasRowMajor, a_op, b_op, static_cast<blasint>(m), static_cast<blasint>(n),
                static_cast<blasint>(k), alpha, a, static_cast<blasint>(lda), b, static_cast<blasint>(ldb),
                beta, c, static_cast<blasint>(ldc));
}
inline void gemm(CBLAS_TRANSPOSE a_op, CBLAS_TRANSPOSE b_op, std::int64_t m, std::int64_t n, std::int64_t k,
                 float alpha, const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta,
                 float* c, std::int64_t ldc) {
    cblas_sgemm(CblasRowMajor, a_op, b_op, static_cast<blasint>(m), static_cast<blasint>(n),
                static_cast<blasint>(k), alpha, a, static_cast<blasint>(lda), b, static_cast<blasint>(ldb),
                beta, c, static_cast<blasint>(ldc));
}

/// The lower triangle of C [n, n] = AᵀA (CblasTrans) or AAᵀ (CblasNoTrans), row-major, on the calling thread;
/// k is the summed dimension.
inline void syrk(CBLAS_TRANSPOSE op, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda,
                 double* c, std::int64_t ldc) {
    cblas_dsyrk(CblasRowMajor, CblasLower, op, static_cast<blasint>(n), static_cast<blasint>(k), 1, a,
                static_cast<blasint>(lda), 0, c, static_cast<blasint>(ldc));
}
inline void syrk(CBLAS_TRANSPOSE op, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
                 float* c, std::int64_t ldc) {
    cblas_ssyrk(CblasRowMajor, CblasLower, op, static_cast<blasint>(n), static_cast<blasint>(k), 1, a,
                static_cast<blasint>(lda), 0, c, static_cast<blasint>(ldc));
}

/// Keeps OpenBLAS's and LAPACK's work on the calling thread, for as long as it lives: their OpenMP build asks
/// OpenMP how many threads this one may take. (A build with threads of its own is told once, by the backend.)
class OneBlasThread {
  public:
    OneBlasThread() : threads_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~OneBlasThread() { omp_set_num_threads(threads_); }
    OneBlasThread(const OneBlasThread&) = delete;
    OneBlasThread& operator=(const OneBlasThread&) = delete;

  private:
    int threads_;
};

}  // namespace ntpgeo
