#include "engine/runs/analysis.hpp"

#include <utility>

#include "engine/geometry/figures.hpp"
#include "engine/machine/memory.hpp"
#include "engine/machine/seconds.hpp"
#include "engine/runs/shared_pass.hpp"

namespace ntpgeo {

std::int64_t analysis_bytes(Backend& backend, const Dataset& dataset, std::int64_t dim,
                            std::int64_t limit_rank) {
    const std::int64_t labels = labels_bytes(dataset);
    require_memory(backend, labels, "analyze");
    const Labels on_backend(backend, dataset);
    const FigureMemory figures = figure_memory(backend, on_backend.view(), dim, Precision::fp64, limit_rank);
    const std::int64_t factors = (dataset.vocab_size + dataset.contexts()) * dim * bytes_of(Real::fp64);
    return labels + factors + figures.device + (backend.device() == "cpu" ? figures.host : 0);
}

SharedAnalysis share_analysis(Backend& backend, const Dataset& dataset, const GivenFactors& factors,
                              const TeamSums& sums) {
    const Stopwatch watch;
    const SharedRows rows(sums, backend, dataset);
    const auto own = [&](const std::vector<double>& all, const RowRange& range) {
        return upload_array(backend, std::vector<double>(all.begin() + range.first * factors.dim,
                                                         all.begin() + range.end * factors.dim));
    };
    const Array words = own(factors.words, rows.words()), contexts = own(factors.contexts, rows.contexts());
    LossPass pass = shared_pass(backend, rows, words.matrix(Real::fp64, rows.words().size(), factors.dim),
                                contexts.matrix(Real::fp64, rows.contexts().size(), factors.dim),
                                factors.ridge, Precision::fp64);
    return {std::move(pass), watch.elapsed()};
}

Record analysis_record(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                       const GivenFactors& factors, const SharedAnalysis* shared) {
    const Stopwatch watch;
    require_memory(backend, analysis_bytes(backend, dataset, factors.dim, limit ? limit->rank : 0),
                   "analyze");
    FigureMeter meter(backend, dataset, limit);
    const Array words = upload_array(backend, factors.words),
                contexts = upload_array(backend, factors.contexts);
    const Figures figures =
        meter.measure(words.matrix(Real::fp64, dataset.vocab_size, factors.dim),
                      contexts.matrix(Real::fp64, dataset.contexts(), factors.dim), factors.ridge,
                      Precision::fp64, 0, factors.step, shared ? &shared->pass : nullptr);
    return training_record({.step = factors.step,
                            .time_s = watch.elapsed() + (shared ? shared->seconds : 0),
                            .lambda = factors.lambda,
                            .stage = factors.stage,
                            .device = backend.device(),
                            .metrics_precision = "fp64"},
                           figures);
}

}  // namespace ntpgeo
