#include "engine/runs/training.hpp"

#include <fmt/format.h>

#include <cmath>

namespace ntpgeo {
namespace {

/// Bound on ‖W‖²‖H‖² ≥ ‖L‖_F²: above it the squares that the figures are made of overflow, and no run comes
/// near it but by diverging.
constexpr double diverged_square_norm = 1e150;

}  // namespace

MeasuredTraining::MeasuredTraining(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                                   const RunSettings& settings)
    : backend_(backend),
      settings_(settings),
      meter_(backend, dataset, limit),
      bounder_(backend, dataset, meter_.labels().view()),
      trainer_(backend, meter_.labels(), settings.training) {}

void MeasuredTraining::call_between_parts(const std::function<void()>& between) {
    between_ = between;
    meter_.call_between_parts(between);
}

Record MeasuredTraining::record(double time_s, std::optional<double> step_s) {
    require_in_range();
    const Stage& stage = trainer_.stage();
    const Precision precision = settings_.metrics_fp64 ? Precision::fp64 : stage.precision;
    const double ridge = ridge_of(stage, trainer_.lambda());
    const std::uint64_t seed = settings_.training.seed;
    const Figures figures =
        meter_.measure(trainer_.words(), trainer_.contexts(), ridge, precision, seed, trainer_.step());
    if (!std::isfinite(figures.excess_loss) || !std::isfinite(figures.grad_norm))
        throw NonFiniteLoss(
            fmt::format("the loss or its gradient is not finite at step {}", trainer_.step()));
    std::optional<OptimumBound> bound;
    if (ridge > 0 && certificate_due())
        bound = bounder_.bound(trainer_.words(), trainer_.contexts(), ridge, seed, trainer_.step(), between_);
    return training_record({.step = trainer_.step(),
                            .time_s = time_s,
                            .step_s = step_s,
                            .lambda = trainer_.lambda(),
                            .relative_gap = relative_gap(figures.excess_loss, ridge, figures.words_norm,
                                                         figures.contexts_norm, bound),
                            .gap_kind = bound ? bound->kind : "",
                            .stage = trainer_.position().stage + 1,
                            .device = backend_.device(),
                            .precision = name_of(stage.precision),
                            .metrics_precision = name_of(precision)},
                           figures);
}

// In the first record of every `certify_every` steps, whichever process makes it, and in the last.
bool MeasuredTraining::certificate_due() const {
    const std::int64_t every = settings_.certify_every, step = trainer_.step();
    if (every == 0) return false;
    if (trainer_.finished()) return true;
    for (std::int64_t before = step / every * every; before < step; ++before)
        if (settings_.metrics_every.due(before)) return false;
    return true;
}

void MeasuredTraining::require_in_range() const {
    const double square = trainer_.words_square() * trainer_.contexts_square();
    if (!(square <= diverged_square_norm))
        throw NonFiniteLoss(
            fmt::format("the parameters have grown beyond all bounds at step {}", trainer_.step()));
}

}  // namespace ntpgeo
