// The loss step against its own three products (design 4.1: 6·V·m·d flops is the minimum).
//
// Before anything is timed the step's results are checked and the library's arrangements are compared; then a
// step and the best arrangement are timed in turn. A repetition's `ratio_to_gemm` is the median step over the
// median of the products, so the median aggregate is a median of ratios that were each taken side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/loss_problem.hpp"
#include "bench/subjects.hpp"
#include "bench/three_products.hpp"
#include "kernels/anchored_xent/workspace_cpu.hpp"

namespace ntpgeo::bench {
namespace {

constexpr std::int64_t most_bursts = 7;  // a repetition's

struct TimedStep {
    explicit TimedStep(const LossCase& loss_case)
        : problem(random_labels(loss_case), loss_case.dim, loss_case.precision),
          products(make_three_products(loss_case.precision, problem.words(), problem.contexts())),
          arrangements(products->compare(
              anchored_xent::choose_chunking(loss_case.vocab, loss_case.contexts, loss_case.dim,
                                             loss_case.precision == Precision::fp32 ? 4 : 8, 0, 0)
                  .chunk)) {
        label = "products:";
        for (const Arrangement& arrangement : arrangements)
            label += fmt::format("{} {} {:.1f}", &arrangement == arrangements.data() ? "" : ",",
                                 arrangement.name(), loss_case.flops() / arrangement.seconds * 1e-9);
    }

    LossProblem problem;
    std::unique_ptr<ThreeProducts> products;
    std::vector<Arrangement> arrangements;  ///< best first
    std::string label;                      ///< each arrangement with its Gflop/s
};

void time_loss_step(benchmark::State& state, const LossCase& loss_case) {
    auto& timed = keep_setup<TimedStep>("loss_step/" + loss_case.name(),
                                        [&] { return std::make_unique<TimedStep>(loss_case); });
    std::vector<double> step, products;
    for ([[maybe_unused]] auto _ : state) {
        step.push_back(seconds_in_a_burst([&] { timed.problem.run(); }));
        products.push_back(seconds_in_a_burst([&] { timed.products->run(timed.arrangements.front()); }));
        state.SetIterationTime(step.back());
    }
    state.counters["ratio_to_gemm"] = median(step) / median(products);
    state.counters["gemm_gflops"] = loss_case.flops() / median(products) * 1e-9;
    state.counters["step_ms"] = median(step) * 1e3;
    state.SetLabel(timed.label);
}

}  // namespace

std::span<const LossCase> loss_cases() {
    static const std::vector<LossCase> cases = [] {
        std::vector<LossCase> all;
        for (const Precision precision : {Precision::fp32, Precision::fp64}) {
            all.push_back({100, 1000, 100, 8, precision});
            all.push_back({1000, 10000, 128, 8, precision});
            all.push_back({2000, 20000, 64, 8, precision});
            all.push_back({10000, 5000, 128, 8, precision});
            all.push_back({50257, 4096, 256, 8, precision});
        }
        return all;
    }();
    return cases;
}

void register_loss_step() {
    for (const LossCase& loss_case : loss_cases())
        register_case("loss_step/" + loss_case.name(),
                      [loss_case](benchmark::State& state) { time_loss_step(state, loss_case); })
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond)
            ->Iterations(std::min<std::int64_t>(loss_case.iterations(0.8), most_bursts))
            ->Repetitions(repetitions(loss_case))
            ->DisplayAggregatesOnly();
}

}  // namespace ntpgeo::bench
