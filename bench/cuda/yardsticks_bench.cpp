// What the hardware does at best, in the same run as what is held against it: copy bandwidth and GEMM rates;
// and the streaming pass alone as a fraction of the copy bandwidth.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bench/cuda/cases.hpp"
#include "bench/cuda/predictions.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo::bench {
namespace {

constexpr Precision precisions[] = {Precision::bf16, Precision::bf16x3, Precision::tf32, Precision::fp32,
                                    Precision::fp64};

std::int64_t copied_bytes(const Scale& scale) {
    return scale.smoke ? 1 << 20 : std::int64_t{1} << 30;
}

std::int64_t square_size(Precision precision, const Scale& scale) {
    if (scale.smoke) return 64;
    return precision == Precision::fp32 || precision == Precision::fp64 ? 4096 : 8192;
}

void report(benchmark::State& state, const Measured& measured, const char* unit, double factor,
            double predicted) {
    for ([[maybe_unused]] auto _ : state) state.SetIterationTime(measured.seconds);
    state.counters[unit] = measured.rate * factor;
    set_prediction(state, measured.seconds, predicted);
}

void time_streaming(benchmark::State& state, Precision precision, std::int64_t vocab, std::int64_t contexts,
                    const Scale& scale) {
    const Measured copy = copy_bandwidth(scale);
    const auto pass = make_streaming_pass(precision, vocab, contexts);
    const double seconds = seconds_of_work(*pass, precision, scale);
    const auto bytes = static_cast<double>(streaming_bytes(precision, vocab, contexts));
    const double rate = bytes / seconds;
    report(state, {seconds, rate}, "gb_per_second", 1e-9, predicted_stream(bytes));
    state.counters["fraction_of_copy"] = rate / copy.rate;
}

}  // namespace

double seconds_of_work(DeviceWork& work, Precision precision, const Scale& scale) {
    const auto seconds_of_rounds = [&](int rounds) {
        return seconds_of([&] {
                   for (int i = 0; i < rounds; ++i) work.queue();
                   work.wait();
               }) /
               rounds;
    };
    seconds_of_rounds(1);
    // The operands are exact in every type, so that what is left is how long sums are rounded.
    const double error = work.error(), most = precision == Precision::fp64 ? 1e-12 : 2e-2;
    if (!(error <= most)) throw Failure(fmt::format("wrong result: off by {:.2g} of what was summed", error));
    if (scale.smoke) return seconds_of_rounds(1);
    const int rounds = std::clamp(static_cast<int>(std::lround(0.03 / seconds_of_rounds(2))), 1, 1000);
    std::vector<double> seconds;
    for (int i = 0; i < 5; ++i) seconds.push_back(seconds_of_rounds(rounds));
    return median(seconds);
}

Measured copy_bandwidth(const Scale& scale) {
    static Measured measured;
    if (measured.seconds == 0) {
        const std::int64_t bytes = copied_bytes(scale);
        const double seconds = seconds_of_work(*make_copy(bytes), Precision::fp64, scale);
        measured = {seconds, 2 * static_cast<double>(bytes) / seconds};
    }
    return measured;
}

Measured gemm_rate(Precision precision, const Scale& scale) {
    static std::map<Precision, Measured> measured;
    Measured& one = measured[precision];
    if (one.seconds == 0) {
        const auto n = square_size(precision, scale);
        const double seconds = seconds_of_work(*make_gemm(precision, n), precision, scale);
        one = {seconds, 2 * std::pow(static_cast<double>(n), 3) / seconds};
    }
    return one;
}

void register_yardsticks(const Scale& scale) {
    register_gpu_case(scale, fmt::format("cuda/copy/{}MiB", copied_bytes(scale) >> 20),
                      [scale](benchmark::State& state) {
                          const Measured copy = copy_bandwidth(scale);
                          report(state, copy, "gb_per_second", 1e-9,
                                 predicted_stream(copy.rate * copy.seconds));
                      })
        ->Iterations(1);
    for (const Precision precision : precisions)
        register_gpu_case(
            scale, fmt::format("cuda/gemm/n:{}/{}", square_size(precision, scale), precision_name(precision)),
            [scale, precision](benchmark::State& state) {
                const Measured product = gemm_rate(precision, scale);
                report(state, product, "tflops", 1e-12,
                       predicted_product(precision, product.rate * product.seconds));
            })
            ->Iterations(1);
    const std::int64_t contexts = scale.smoke ? 3 : 2048;
    for (const std::int64_t vocab :
         scale.smoke ? std::vector<std::int64_t>{4099} : std::vector<std::int64_t>{50257, 128256, 32000})
        for (const Precision precision : precisions)
            register_gpu_case(
                scale, fmt::format("cuda/streaming/V:{}/m:{}/{}", vocab, contexts, precision_name(precision)),
                [=](benchmark::State& state) { time_streaming(state, precision, vocab, contexts, scale); })
                ->Iterations(1);
}

}  // namespace ntpgeo::bench
