// RUN/config.json of `ntpgeo limit` and `ntpgeo path`.
#pragma once

#include <string>
#include <vector>

#include "engine/exact/settings.hpp"
#include "host/run/config.hpp"

namespace ntpgeo {

/// Every setting of an exact solver's run.
struct ExactConfig : ExactSettings {
    std::string command;  ///< "limit" or "path"
    DatasetReference dataset;
    LimitReference limit;  ///< the L_mm that figures are made against; empty: solved where that is cheap
};

/// What the verb is told, in the order of its help.
std::vector<Setting> settings_of(ExactConfig& config);

/// `dataset` adds its sizes, and versions are added, for information.
nlohmann::ordered_json to_json(const ExactConfig& config, const Dataset& dataset);

/// Reads what to_json wrote, of the same command. `where` names the file in messages. Throws InputError.
ExactConfig exact_config_from_json(const std::string& text, const std::string& command,
                                   const std::string& where);

/// The first setting in which the two differ, as its flag; "" where they agree.
std::string first_difference(const ExactConfig& stored, const ExactConfig& wanted);

/// "HI:LO:PER_DECADE" as a falling list HI, HI·10^(-1/PER_DECADE), … down to LO, each rounded to 15 digits.
/// Throws InputError, beginning with "--lambda", for anything else, and where HI < LO or the list would be
/// longer than 10,000.
std::vector<double> lambda_grid(const std::string& text);

}  // namespace ntpgeo
