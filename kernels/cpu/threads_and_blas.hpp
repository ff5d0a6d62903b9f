// What the CPU's sources share: when a loop is worth a team of threads, OpenBLAS on one thread and by
// overloads on the element type, and memory aligned for it.
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

/// Below this many elements a loop takes less time than a team of threads needs to start and meet
/// again; on a busy machine the waiting costs whole time slices. The bits do not depend on it.
/// (Loops that call OpenBLAS keep their region unless the product is below OpenBLAS's own threshold for
/// threads, 2^18.)
inline constexpr std::int64_t worth_a_team = std::int64_t{1} << 15;

class SingleThread {
  public:
    SingleThread() : threads_(omp_get_max_threads()) { openblas_set_num_threads(1); }
    ~SingleThread() {
        // The OpenMP build of OpenBLAS sets OpenMP's own number of threads; the pthread build keeps its one
        // thread.
        omp_set_num_threads(threads_);
    }
    SingleThread(const SingleThread&) = delete;
    SingleThread& operator=(const SingleThread&) = delete;

  private:
    int threads_;
};

}  // namespace ntpgeo
