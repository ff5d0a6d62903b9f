#include "engine/training/stage.hpp"

#include <algorithm>

namespace ntpgeo {

const OptimizerRow& row_of(OptimizerKind kind) {
    return *std::find_if(std::begin(optimizer_table), std::end(optimizer_table),
                         [&](const OptimizerRow& row) { return row.kind == kind; });
}

std::int64_t saved_vectors(const Stage& stage) {
    if (stage.optimizer == OptimizerKind::lbfgs) return 1 + 2 * stage.history;  // the gradient, and pairs
    const auto& state = row_of(stage.optimizer).state;
    return std::count_if(state.begin(), state.end(), [](std::string_view name) { return !name.empty(); });
}

std::int64_t optimizer_vectors(const Stage& stage) {
    // lbfgs: direction, trial and trial gradient; all others the gradient.
    return saved_vectors(stage) + (stage.optimizer == OptimizerKind::lbfgs ? 3 : 1);
}

UpdateSchedule schedule_of(const Stage& stage) {
    const bool adam = row_of(stage.optimizer).settings == of_adam;
    return {stage.learning_rate,
            stage.schedule,
            stage.warmup,
            stage.steps,
            stage.lambda_start,
            stage.lambda_end,
            row_of(stage.optimizer).decoupled_decay,
            adam ? stage.beta1 : 0,
            adam ? stage.beta2 : 0};
}

double learning_rate_at(const Stage& stage, std::int64_t update) {
    return rate_at(schedule_of(stage), update);
}

double lambda_at(const Stage& stage, std::int64_t step) {
    return lambda_at(schedule_of(stage), step);
}

double ridge_of(const Stage& stage, double lambda) {
    return row_of(stage.optimizer).decoupled_decay ? 0 : lambda;
}

bool depends_on_total(const Stage& stage) {
    return stage.schedule == RateSchedule::cosine || stage.lambda_start != stage.lambda_end;
}

bool carries_over(const Stage& before, const Stage& after) {
    const bool same_size = after.optimizer != OptimizerKind::lbfgs || before.history == after.history;
    const bool same_batch = before.batch == after.batch && before.sampling == after.sampling;
    return before.optimizer == after.optimizer && before.frozen == after.frozen && same_size && same_batch;
}

}  // namespace ntpgeo
