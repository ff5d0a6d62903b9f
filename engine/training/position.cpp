#include "engine/training/position.hpp"

#include <algorithm>
#include <string>

#include "kernels/base/status.hpp"

namespace ntpgeo {

const Stage& stage_at(const TrainingSettings& settings, const Position& position) {
    return settings.stages[static_cast<std::size_t>(position.stage)];
}

void require_stage(const TrainingSettings& settings, const Position& position) {
    if (position.stage < 0 || position.stage >= std::ssize(settings.stages))
        throw InputError("the saved state is of stage " + std::to_string(position.stage + 1) +
                         ", and this run has " + std::to_string(settings.stages.size()));
}

double lambda_at(const TrainingSettings& settings, const Position& position) {
    return lambda_at(stage_at(settings, position), position.step - position.stage_begin);
}

bool stage_is_over(const TrainingSettings& settings, const Position& position) {
    return position.at_noise_floor ||
           position.step - position.stage_begin >= stage_at(settings, position).steps;
}

bool is_finished(const TrainingSettings& settings, const Position& position) {
    return stage_is_over(settings, position) &&
           std::all_of(settings.stages.begin() + position.stage + 1, settings.stages.end(),
                       [](const Stage& stage) { return stage.steps == 0; });
}

Position next_stage(const TrainingSettings& settings, const Position& position) {
    Position next{position.step, position.stage + 1, position.step, position.optimizer_begin, false};
    if (!carries_over(stage_at(settings, position), stage_at(settings, next)))
        next.optimizer_begin = next.step;
    return next;
}

std::int64_t last_step(const TrainingSettings& settings, const Position& position) {
    std::int64_t end =
        position.at_noise_floor ? position.step : position.stage_begin + stage_at(settings, position).steps;
    for (std::size_t later = static_cast<std::size_t>(position.stage) + 1; later < settings.stages.size();
         ++later)
        end += settings.stages[later].steps;
    return end;
}

}  // namespace ntpgeo
