#include "engine/runs/analysis.hpp"

#include <chrono>

#include "engine/geometry/figures.hpp"

namespace ntpgeo {

Record analysis_record(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                       const GivenFactors& factors) {
    const auto start = std::chrono::steady_clock::now();
    FigureMeter meter(backend, dataset, limit);
    const Array words = upload_array(backend, factors.words),
                contexts = upload_array(backend, factors.contexts);
    const Figures figures = meter.measure(words.matrix(Real::fp64, dataset.vocab_size, factors.dim),
                                          contexts.matrix(Real::fp64, dataset.contexts(), factors.dim),
                                          factors.ridge, Precision::fp64, 0, factors.step);
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return training_record({.step = factors.step,
                            .time_s = elapsed,
                            .lambda = factors.lambda,
                            .stage = factors.stage,
                            .device = backend.device(),
                            .metrics_precision = "fp64"},
                           figures);
}

}  // namespace ntpgeo
