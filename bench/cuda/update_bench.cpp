// Adam's update as a fraction of the copy bandwidth: the parameters alone, and with W rounded for the coming
// products in the same pass.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "bench/cuda/cases.hpp"
#include "bench/cuda/predictions.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo::bench {
namespace {

class AdamUpdate final : public DeviceWork {
  public:
    AdamUpdate(const ProblemSize& size, Real master, std::optional<Precision> precision)
        : gpu_(make_cuda_backend(0)),
          size_((size.vocab + size.contexts) * size.dim),
          master_(master),
          words_size_(size.vocab * size.dim),
          precision_(precision),
          state_(*gpu_, 4 * size_ * bytes_of(master)),
          operand_(*gpu_, precision ? words_size_ * operand_bytes(*precision) : 0),
          parameters_{part(0), {}},
          numbers_(upload_array<UpdateNumbers>(*gpu_, {{.rate = rate}})) {
        if (precision)  // dim is a multiple of 8: nothing is padded
            parameters_.operand = {operand_.data(), *precision, size.vocab, size.dim, size.dim};
        for (int k = 0; k < 4; ++k) gpu_->fill_normal(part(k), {1, static_cast<std::uint64_t>(k)}, 1);
        gpu_->fill_zero(part(3));  // a mean of squares
    }

    void queue() override {
        gpu_->adam(numbers_.as<UpdateNumbers>(), settings_, part(1), part(2), part(3), parameters_);
    }
    void wait() override { gpu_->dot({state_.data(), master_, 1}, {state_.data(), master_, 1}); }
    double error() override {
        constexpr std::int64_t most = 1000;
        const std::int64_t count = std::min(most, size_);
        const std::vector<double> x = first(0, count), g = first(1, count), m = first(2, count),
                                  v = first(3, count);
        queue();
        const std::vector<double> moved = first(0, count);
        double worst = 0;
        for (std::int64_t i = 0; i < count; ++i) {
            const double mean = settings_.beta1 * m[i] + (1 - settings_.beta1) * g[i];
            const double square = settings_.beta2 * v[i] + (1 - settings_.beta2) * g[i] * g[i];
            const double move = rate * mean / (std::sqrt(square) + settings_.epsilon);
            worst = std::max(worst, std::abs(moved[i] - (x[i] - move)) / (std::abs(x[i]) + std::abs(move)));
        }
        return worst;
    }

    /// Read and written: four vectors and three, and the operand.
    [[nodiscard]] double bytes() const {
        return static_cast<double>(7 * size_ * bytes_of(master_) +
                                   (precision_ ? words_size_ * operand_bytes(*precision_) : 0));
    }

  private:
    static constexpr double rate = 0.01;

    // Parameters, gradient, first and second moment.
    [[nodiscard]] Vector part(std::int64_t k) const { return state_.vector(master_, size_, k * size_); }
    [[nodiscard]] std::vector<double> first(std::int64_t k, std::int64_t count) const {
        return with_real(master_, [&]<class T>(T) {
            const auto values = download_array<T>(*gpu_, part(k).data, count);
            return std::vector<double>(values.begin(), values.end());
        });
    }

    std::unique_ptr<Backend> gpu_;
    std::int64_t size_;
    Real master_;
    std::int64_t words_size_;
    std::optional<Precision> precision_;
    Array state_, operand_;
    Parameters parameters_;
    AdamSettings settings_{};
    Array numbers_;
};

void time_update(benchmark::State& state, const ProblemSize& size, Real master,
                 std::optional<Precision> precision, const Scale& scale) {
    AdamUpdate update(size, master, precision);
    const double seconds =
        seconds_of_work(update, master == Real::fp64 ? Precision::fp64 : Precision::fp32, scale);
    for ([[maybe_unused]] auto _ : state) state.SetIterationTime(seconds);
    state.counters["gb_per_second"] = update.bytes() / seconds * 1e-9;
    state.counters["fraction_of_copy"] = update.bytes() / seconds / copy_bandwidth(scale).rate;
    set_prediction(state, seconds, predicted_stream(update.bytes()));
}

}  // namespace

void register_update(const Scale& scale) {
    const ProblemSize size = loss_step_sizes(scale).front();
    for (const Real master : {Real::fp64, Real::fp32})
        for (const std::optional<Precision> precision :
             {std::optional<Precision>{}, std::optional{Precision::bf16}, std::optional{Precision::bf16x3}}) {
            const std::string name =
                fmt::format("cuda/adam/V:{}/m:{}/d:{}/master:{}{}", size.vocab, size.contexts, size.dim,
                            master == Real::fp64 ? "fp64" : "fp32",
                            precision ? fmt::format("/operand:{}", precision_name(*precision)) : "");
            register_gpu_case(scale, name, [=](benchmark::State& state) {
                time_update(state, size, master, precision, scale);
            })->Iterations(1);
        }
}

}  // namespace ntpgeo::bench
