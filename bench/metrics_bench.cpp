// What a metrics record costs, in loss steps on the same data (fp64, factors as drawn by train).
#include <cmath>
#include <vector>

#include "bench/loss_problem.hpp"
#include "bench/subjects.hpp"
#include "engine/geometry/figures.hpp"
#include "host/commands/data_sets.hpp"

namespace ntpgeo::bench {
namespace {

struct TimedRecord {
    TimedRecord(Dataset data, std::int64_t dim)
        : problem(std::move(data), dim, Precision::fp64), meter(problem.backend(), problem.dataset()) {
        const Figures figures = measure();
        const double expected = problem.gradient_norm();
        if (!(std::abs(figures.grad_norm - expected) <= 1e-10 * expected))
            throw Failure(fmt::format("wrong result: the record's gradient norm is {}, the step's {}",
                                      figures.grad_norm, expected));
    }

    Figures measure() { return meter.measure(problem.words(), problem.contexts(), 0, Precision::fp64, 0, 0); }

    LossProblem problem;
    FigureMeter meter;
};

void time_record(benchmark::State& state, const std::string& name, std::int64_t dim, Dataset (*make)()) {
    auto& timed = keep_setup<TimedRecord>(name, [&] { return std::make_unique<TimedRecord>(make(), dim); });
    std::vector<double> record, step;
    for ([[maybe_unused]] auto _ : state) {
        step.push_back(seconds_of([&] { timed.problem.run(); }));
        record.push_back(seconds_of([&] { timed.measure(); }));
        state.SetIterationTime(record.back());
    }
    state.counters["ratio_to_step"] = median(record) / median(step);
    state.counters["step_ms"] = median(step) * 1e3;
}

Dataset stories() {
    std::string lines;
    return make_stories(StoriesSettings{}, lines);
}

Dataset synthetic() {
    return random_labels({2000, 20000, 128, 8, Precision::fp64});
}

void register_record(const std::string& name, std::int64_t dim, Dataset (*make)(), int iterations) {
    register_case(name, [=](benchmark::State& state) { time_record(state, name, dim, make); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->Iterations(iterations)
        ->Repetitions(3)
        ->DisplayAggregatesOnly();
}

}  // namespace

void register_metrics() {
    register_record("metrics_record/stories/d:64", 64, stories, 10);
    register_record("metrics_record/V:2000/m:20000/d:128/k:8", 128, synthetic, 1);
}

}  // namespace ntpgeo::bench
