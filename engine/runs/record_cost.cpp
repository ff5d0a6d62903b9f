#include "engine/runs/record_cost.hpp"

#include <algorithm>
#include <cmath>

#include "engine/geometry/figure_operations.hpp"
#include "engine/machine/seconds.hpp"
#include "engine/training/products.hpp"

namespace ntpgeo {
namespace {

constexpr double share_of_updates = 0.1;
constexpr double seconds_of_work = 2e10;

/// Of a loss step of so many of the contexts, its three products in fp64.
double products(const Dataset& dataset, std::int64_t contexts, std::int64_t dim) {
    return 6 * static_cast<double>(dataset.vocab_size) * static_cast<double>(contexts) *
           static_cast<double>(dim);
}

/// Over what products in fp64 take.
double weight_of(Precision precision) {
    return precision == Precision::fp64 ? 1 : 0.5;
}

}  // namespace

RunOperations run_operations(const RunSettings& settings, const Dataset& dataset) {
    const TrainingSettings& training = settings.training;
    const std::int64_t all = dataset.contexts();
    const double entries = 6 * static_cast<double>(dataset.nnz()) * static_cast<double>(training.dim);
    // Of so many contexts: the loss step, and what is linear in its sizes.
    const auto step = [&](std::int64_t contexts, double weight) {
        const double parameters =
            static_cast<double>(dataset.vocab_size + contexts) * static_cast<double>(training.dim);
        return products(dataset, contexts, training.dim) * weight + 20 * parameters +
               entries * static_cast<double>(contexts) / static_cast<double>(all);
    };
    const FigureOperations figures =
        figure_operations({dataset.vocab_size, all, dataset.nnz(), training.dim});
    RunOperations run;
    run.first_record = figures.making;
    for (const Stage& stage : training.stages) {
        const double weight = weight_of(stage.precision);
        run.updates += static_cast<double>(stage.steps) * step(stage.contexts_of_update(all), weight);
        run.record = std::max(run.record, step(all, settings.metrics_fp64 ? 1 : weight) + figures.measuring);
    }
    return run;
}

AnalysisOperations analysis_operations(const Dataset& dataset, std::int64_t dim) {
    const FigureOperations figures =
        figure_operations({dataset.vocab_size, dataset.contexts(), dataset.nnz(), dim});
    const double expected = products(dataset, dataset.contexts(), dim) + figures.making + figures.measuring;
    return {expected, expected + figures.longer_searches};
}

double operations_per_second(Backend& backend) {
    constexpr std::int64_t rows = std::int64_t{1} << 16, columns = 72, size = rows * columns;
    const Array memory(backend, (2 * size + columns * columns) * bytes_of(Real::fp64));
    const Matrix a = memory.matrix(Real::fp64, rows, columns),
                 b = memory.matrix(Real::fp64, rows, columns, size),
                 c = memory.matrix(Real::fp64, columns, columns, 2 * size);
    backend.fill_normal(memory.vector(Real::fp64, 2 * size), {0, 0}, 1);
    const auto multiply = [&] {
        backend.multiply(a_transposed, 1, a, b, 0, c);
        backend.multiply(plain, 1, a, c, 0, b);
        static_cast<void>(backend.dot(c.flat(), c.flat()));  // waits for them
    };
    multiply();  // warms up
    return 4.0 * size * columns / seconds_of(multiply);
}

std::int64_t records_of(const Cadence& cadence, std::int64_t steps) {
    if (!cadence.logarithmic) return steps / cadence.count + 1 + (steps % cadence.count != 0 ? 1 : 0);
    std::int64_t count = 1, last = 0;
    for (int k = 0; last < steps; ++k) {
        const std::int64_t due =
            std::llround(std::pow(10.0, static_cast<double>(k) / static_cast<double>(cadence.count)));
        if (due > steps) return count + 1;  // the last
        count += due > last ? 1 : 0;
        last = due;
    }
    return count;
}

Cadence affordable_cadence(const RunSettings& settings, const Dataset& dataset) {
    const RunOperations run = run_operations(settings, dataset);
    const std::int64_t steps = settings.training.steps();
    const double most = std::max(seconds_of_work, share_of_updates * run.updates);
    for (const std::int64_t a_decade : {20, 10, 5, 2, 1})
        if (const Cadence cadence{.count = a_decade}; run.records(records_of(cadence, steps)) <= most)
            return cadence;
    return {.logarithmic = false, .count = std::max<std::int64_t>(1, steps)};
}

void settle(RunSettings& settings, const Dataset& dataset, const Backend& backend) {
    resolve_products(settings.training, dataset, backend);
    if (settings.metrics_every.automatic) settings.metrics_every = affordable_cadence(settings, dataset);
}

}  // namespace ntpgeo
