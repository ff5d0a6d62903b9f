// A singular value threshold of the exact solvers by cuSOLVER's decomposition and by products alone, which
// they choose between by a prediction (design 4.2): what both take, beside what was predicted.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "bench/cuda/cases.hpp"
#include "bench/cuda/predictions.hpp"
#include "engine/exact/threshold.hpp"
#include "kernels/backend.hpp"
#include "kernels/svd/cost_cuda.hpp"

namespace ntpgeo::bench {
namespace {

/// X = SVT(A, τ) of random A [n, n], about half of whose singular values are above τ = √n.
class ThresholdWork final : public DeviceWork {
  public:
    ThresholdWork(std::int64_t n, ThresholdBy by)
        : gpu_(make_cuda_backend(0)),
          n_(n),
          by_(by),
          tau_(std::sqrt(static_cast<double>(n))),
          a_(*gpu_, n * n * 8),
          x_(*gpu_, n * n * 8),
          spectrum_(*gpu_, n, n, by) {
        gpu_->fill_normal(square(a_).flat(), {1, 0}, 1);
        spectrum_.threshold(square(a_), tau_, square(x_));  // from which products know its scale
    }

    void queue() override { spectrum_.threshold(square(a_), tau_, square(x_), Remember::no); }
    void wait() override { gpu_->dot(square(x_).flat(), square(x_).flat()); }
    double error() override {
        const std::int64_t made = spectrum_.made_by_products();
        queue();
        if ((spectrum_.made_by_products() > made) != (by_ == ThresholdBy::products)) return INFINITY;
        const Array other(*gpu_, n_ * n_ * 8);
        DenseSpectrum(*gpu_, n_, n_, ThresholdBy::decomposition).threshold(square(a_), tau_, square(other));
        const auto norm = [&](const Array& array) {
            return std::sqrt(gpu_->dot(square(array).flat(), square(array).flat()));
        };
        const double size = norm(other);
        gpu_->axpy(-1, square(x_).flat(), square(other).flat());
        return norm(other) / size;
    }

    [[nodiscard]] double predicted() const {
        const device::Machine* const machine = predicted_machine();
        if (machine == nullptr) return 0;
        // Beside it the Gram matrix, and one or two products that make X.
        constexpr std::int64_t both = 2;
        if (by_ == ThresholdBy::decomposition)
            return svd_cuda::symmetric_seconds(*machine, Real::fp64, n_) +
                   svd_cuda::products_seconds(*machine, Real::fp64, n_, both);
        const SolverRows rows(*gpu_, n_, n_);
        ProductThreshold products(rows);
        products.expect(gpu_->dot(square(a_).flat(), square(a_).flat()));
        return svd_cuda::products_seconds(*machine, Real::fp64, n_,
                                          both + products.plan(tau_, Real::fp64)->products());
    }

  private:
    [[nodiscard]] Matrix square(const Array& array) const { return array.matrix(Real::fp64, n_, n_); }

    std::unique_ptr<Backend> gpu_;
    std::int64_t n_;
    ThresholdBy by_;
    double tau_;
    Array a_, x_;
    DenseSpectrum spectrum_;
};

}  // namespace

void register_thresholds(const Scale& scale) {
    for (const std::int64_t n :
         scale.smoke ? std::vector<std::int64_t>{20} : std::vector<std::int64_t>{500, 100, 1000, 2000})
        for (const ThresholdBy by : {ThresholdBy::products, ThresholdBy::decomposition})
            register_gpu_case(scale,
                              fmt::format("cuda/threshold/n:{}/{}", n,
                                          by == ThresholdBy::products ? "products" : "decomposition"),
                              [=](benchmark::State& state) {
                                  ThresholdWork work(n, by);
                                  const double seconds = seconds_of_work(work, Precision::fp64, scale);
                                  for ([[maybe_unused]] auto _ : state) state.SetIterationTime(seconds);
                                  set_prediction(state, seconds, work.predicted());
                              })
                ->Iterations(1);
}

}  // namespace ntpgeo::bench
