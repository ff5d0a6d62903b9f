// A stage of training (design 2.1) as config.json spells it, its checks and its defaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/training/settings.hpp"

namespace ntpgeo {

/// Bounds that no run comes near; no sum of steps overflows.
inline constexpr std::int64_t most_steps = std::int64_t{1} << 50;
inline constexpr std::size_t most_stages = 1000;

/// 1 for lbfgs, which tries the whole step first, and 0.01 for all others.
double default_rate(OptimizerKind kind);

/// "X" or "HI:LO" into the stage. Throws InputError where a number is not finite and ≥ 0, or HI:LO does not
/// fall.
void parse_lambda(const std::string& text, Stage& stage);

/// "auto" or a precision into the stage. Throws InputError.
void parse_stage_precision(const std::string& text, Stage& stage);

/// A setting that some optimizers alone have, as flags and keys name it.
struct OptimizerSetting {
    const char* name;
    std::vector<OptimizerKind> kinds;
    const char* owners;  ///< "adam (or adamw)"
};
const std::vector<OptimizerSetting>& optimizer_settings();

/// The settings that mean something for the stage's optimizer.
nlohmann::ordered_json stage_to_json(const Stage& stage);

/// Keys left out keep their defaults; unknown keys and those of another optimizer are refused. `where` names
/// file and stage in messages. Throws InputError.
Stage stage_from_json(const nlohmann::json& json, const std::string& where);

/// How messages name the stage at `index` before one of its settings: "stage 2, ", or "" where it is the only
/// one.
std::string stage_prefix(const TrainingSettings& training, std::size_t index);

/// Checks what no single option can. `prefix` comes before the setting's name in messages. Throws InputError.
void check_stage(const Stage& stage, const std::string& prefix);

/// The first setting by which two stages differ, their steps aside; "" where they agree.
std::string stage_difference(const Stage& stored, const Stage& wanted);

}  // namespace ntpgeo
