// Where a run stands in its list of stages.
#pragma once

#include <cstdint>

#include "engine/training/settings.hpp"

namespace ntpgeo {

/// The state after `step` updates belongs to the stage that made the last of them; the next stage begins with
/// its own first update. A stage that ends at its noise floor leaves its other updates unmade, so later ones
/// begin earlier than their number of steps would say.
struct Position {
    std::int64_t step = 0;             ///< updates made in all
    std::int64_t stage = 0;            ///< its index
    std::int64_t stage_begin = 0;      ///< the step it began at
    std::int64_t optimizer_begin = 0;  ///< the step its optimizer's state began at, in an earlier stage where
                                       ///< that carried over
    bool at_noise_floor = false;       ///< the stage has ended there

    friend bool operator==(const Position&, const Position&) = default;
};

const Stage& stage_at(const TrainingSettings& settings, const Position& position);

/// Throws InputError where the settings have no such stage.
void require_stage(const TrainingSettings& settings, const Position& position);

/// λ of the state, which the next update of the same stage is made with.
double lambda_at(const TrainingSettings& settings, const Position& position);

/// Whether the stage has no more updates to make.
bool stage_is_over(const TrainingSettings& settings, const Position& position);

/// Whether no stage has.
bool is_finished(const TrainingSettings& settings, const Position& position);

/// The position from which the next stage makes its first update.
Position next_stage(const TrainingSettings& settings, const Position& position);

/// The step at which the run ends if no stage ends before its time from here on.
std::int64_t last_step(const TrainingSettings& settings, const Position& position);

}  // namespace ntpgeo
