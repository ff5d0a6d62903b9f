// The configurations of the verbs that have runs (design 2.1): every resolved setting, what the run is made
// of, and the same as RUN/config.json.
#pragma once

#include <string>
#include <vector>

#include "engine/exact/settings.hpp"
#include "engine/training/settings.hpp"
#include "host/run/config_file.hpp"

namespace ntpgeo {

/// Of `ntpgeo train`.
struct RunConfig : RunSettings, RunInputs {};

/// Of `ntpgeo limit` and `ntpgeo path`; the limit, which figures are made against, is the path's alone.
struct ExactConfig : ExactSettings, RunInputs {
    std::string command;  ///< "limit" or "path"
};

/// What the verb is told, in the order of its help.
std::vector<Setting> settings_of(ExactConfig& config);

/// The bytes of config.json; `dataset` adds its sizes, and versions are added, for information.
std::string config_text(const RunConfig& config, const Dataset& dataset);
std::string config_text(const ExactConfig& config, const Dataset& dataset);

/// Reads a file that `config_text` made, or a person: keys left out keep their defaults, unknown keys are
/// refused. `where` names the file in messages. Throws InputError.
RunConfig read_config(const std::string& text, const std::string& where);

/// Reads what config_text made, of the same command. Throws InputError.
ExactConfig read_exact_config(const std::string& text, const std::string& command, const std::string& where);

/// The first setting by which two resolved configurations differ, "" where they agree; the last stage's steps
/// may be more in `wanted` where `depends_on_total` allows it. Of an exact run the setting is its flag.
std::string first_difference(const RunConfig& stored, const RunConfig& wanted);
std::string first_difference(const ExactConfig& stored, const ExactConfig& wanted);

/// "HI:LO:PER_DECADE" as a falling list HI, HI·10^(-1/PER_DECADE), … down to LO, each rounded to 15 digits.
/// Throws InputError, beginning with "--lambda", for anything else, and where HI < LO or the list would be
/// longer than 10,000.
std::vector<double> lambda_grid(const std::string& text);

}  // namespace ntpgeo
