#include "engine/training/stage.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

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

double learning_rate_at(const Stage& stage, std::int64_t update) {
    const double rate = stage.learning_rate;
    if (update < stage.warmup)
        return rate * static_cast<double>(update + 1) / static_cast<double>(stage.warmup);
    switch (stage.schedule) {
        case RateSchedule::constant:
            return rate;
        case RateSchedule::cosine: {
            const double span = static_cast<double>(std::max<std::int64_t>(1, stage.steps - stage.warmup));
            const double done = static_cast<double>(update - stage.warmup) / span;
            return rate * 0.5 * (1 + std::cos(std::numbers::pi * done));
        }
        case RateSchedule::inverse_sqrt:
            return rate * std::sqrt(static_cast<double>(std::max<std::int64_t>(stage.warmup, 1)) /
                                    static_cast<double>(update + 1));
    }
    return rate;
}

double lambda_at(const Stage& stage, std::int64_t step) {
    if (stage.lambda_start == stage.lambda_end) return stage.lambda_start;
    if (stage.steps == 0) return stage.lambda_start;
    const double done = static_cast<double>(step) / static_cast<double>(stage.steps);
    return stage.lambda_start * std::pow(stage.lambda_end / stage.lambda_start, done);
}

double ridge_of(const Stage& stage, double lambda) {
    return row_of(stage.optimizer).decoupled_decay ? 0 : lambda;
}

bool depends_on_total(const Stage& stage) {
    return stage.schedule == RateSchedule::cosine || stage.lambda_start != stage.lambda_end;
}

bool carries_over(const Stage& before, const Stage& after) {
    const bool same_size = after.optimizer != OptimizerKind::lbfgs || before.history == after.history;
    return before.optimizer == after.optimizer && before.frozen == after.frozen && same_size;
}

}  // namespace ntpgeo
