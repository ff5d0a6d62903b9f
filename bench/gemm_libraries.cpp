#include "bench/gemm_libraries.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <omp.h>

#include <initializer_list>

#include "kernels/base/status.hpp"
#include "kernels/cpu/blas.hpp"

namespace ntpgeo::bench {
namespace {

CBLAS_TRANSPOSE op_of(Taken taken) {
    return taken == Taken::plain ? CblasNoTrans : CblasTrans;
}

class OpenBlas final : public GemmLibrary {
  public:
    [[nodiscard]] std::string name() const override {
        const std::string config = openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE ..."
        return config.substr(0, config.find(' ', config.find(' ') + 1));
    }
    [[nodiscard]] bool multiplies(Precision) const override { return true; }
    void set_threads(int threads) const override {
        const int of_openmp = omp_get_max_threads();  // which its OpenMP build changes
        openblas_set_num_threads(threads);
        omp_set_num_threads(of_openmp);
    }
    void multiply(Taken a_taken, Taken b_taken, std::int64_t m, std::int64_t n, std::int64_t k,
                  const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
                  std::int64_t ldc) const override {
        gemm(op_of(a_taken), op_of(b_taken), m, n, k, 1.0F, a, lda, b, ldb, beta, c, ldc);
    }
    void multiply(Taken a_taken, Taken b_taken, std::int64_t m, std::int64_t n, std::int64_t k,
                  const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta,
                  double* c, std::int64_t ldc) const override {
        gemm(op_of(a_taken), op_of(b_taken), m, n, k, 1.0, a, lda, b, ldb, beta, c, ldc);
    }
};

/// The first of `names` that the loader finds; null: none. It takes its own functions for itself, of which
/// OpenBLAS has some by the same names.
void* opened(std::initializer_list<const char*> names) {
    for (const char* const name : names)
        if (void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND)) return library;
    return nullptr;
}

template <class Function>
Function* function(void* library, const char* name) {
    void* const found = dlsym(library, name);
    if (found == nullptr) throw Failure(fmt::format("a library of matrix products has no {}", name));
    return reinterpret_cast<Function*>(found);
}

class Blis final : public GemmLibrary {
  public:
    explicit Blis(void* library)
        : version_(function<const char*()>(library, "bli_info_get_version_str")()),
          sgemm_(function<decltype(cblas_sgemm)>(library, "cblas_sgemm")),
          dgemm_(function<decltype(cblas_dgemm)>(library, "cblas_dgemm")),
          set_threads_(function<void(std::int64_t)>(library, "bli_thread_set_num_threads")) {}
    [[nodiscard]] std::string name() const override { return "BLIS " + version_; }
    [[nodiscard]] bool multiplies(Precision) const override { return true; }
    void set_threads(int threads) const override { set_threads_(threads); }
    void multiply(Taken a_taken, Taken b_taken, std::int64_t m, std::int64_t n, std::int64_t k,
                  const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
                  std::int64_t ldc) const override {
        sgemm_(CblasRowMajor, op_of(a_taken), op_of(b_taken), static_cast<blasint>(m),
               static_cast<blasint>(n), static_cast<blasint>(k), 1.0F, a, static_cast<blasint>(lda), b,
               static_cast<blasint>(ldb), beta, c, static_cast<blasint>(ldc));
    }
    void multiply(Taken a_taken, Taken b_taken, std::int64_t m, std::int64_t n, std::int64_t k,
                  const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta,
                  double* c, std::int64_t ldc) const override {
        dgemm_(CblasRowMajor, op_of(a_taken), op_of(b_taken), static_cast<blasint>(m),
               static_cast<blasint>(n), static_cast<blasint>(k), 1.0, a, static_cast<blasint>(lda), b,
               static_cast<blasint>(ldb), beta, c, static_cast<blasint>(ldc));
    }

  private:
    std::string version_;
    decltype(&cblas_sgemm) sgemm_;
    decltype(&cblas_dgemm) dgemm_;
    void (*set_threads_)(std::int64_t);
};

class OneDnn final : public GemmLibrary {
    // As dnnl.h has them, which need not be installed.
    using Sgemm = int(char, char, std::int64_t, std::int64_t, std::int64_t, float, const float*, std::int64_t,
                      const float*, std::int64_t, float, float*, std::int64_t);
    struct Version {
        int major, minor, patch;
    };

  public:
    explicit OneDnn(void* library)
        : version_(*function<const Version*()>(library, "dnnl_version")()),
          sgemm_(function<Sgemm>(library, "dnnl_sgemm")) {}
    [[nodiscard]] std::string name() const override {
        return fmt::format("oneDNN {}.{}.{}", version_.major, version_.minor, version_.patch);
    }
    [[nodiscard]] bool multiplies(Precision precision) const override { return precision == Precision::fp32; }
    void set_threads(int) const override {}  // as many as OpenMP's
    void multiply(Taken a_taken, Taken b_taken, std::int64_t m, std::int64_t n, std::int64_t k,
                  const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
                  std::int64_t ldc) const override {
        const auto letter = [](Taken taken) { return taken == Taken::plain ? 'N' : 'T'; };
        if (sgemm_(letter(a_taken), letter(b_taken), m, n, k, 1.0F, a, lda, b, ldb, beta, c, ldc) != 0)
            throw Failure("oneDNN refuses a product");
    }
    void multiply(Taken, Taken, std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t,
                  const double*, std::int64_t, double, double*, std::int64_t) const override {
        throw Failure("oneDNN has no product of doubles");
    }

  private:
    Version version_;
    Sgemm* sgemm_;
};

}  // namespace

const std::vector<std::unique_ptr<GemmLibrary>>& gemm_libraries() {
    static const std::vector<std::unique_ptr<GemmLibrary>> libraries = [] {
        std::vector<std::unique_ptr<GemmLibrary>> found;
        found.push_back(std::make_unique<OpenBlas>());
        if (void* const blis = opened({"libblis.so.4", "libblis.so.3"}))
            found.push_back(std::make_unique<Blis>(blis));
        if (void* const dnnl = opened({"libdnnl.so.3", "libdnnl.so.2"}))
            found.push_back(std::make_unique<OneDnn>(dnnl));
        return found;
    }();
    return libraries;
}

}  // namespace ntpgeo::bench
