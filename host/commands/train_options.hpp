// The flags of ntpgeo train (design 2.1), and the configuration that they make.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "host/commands/setting_flags.hpp"
#include "host/run/config.hpp"

namespace ntpgeo {

/// The flags as given; what is left out is empty.
struct TrainOptions {
    std::optional<std::string> dataset, config_file, output, limit;
    bool resume = false, dry_run = false;
    SettingFlags settings;
    RunSettings defaults;  ///< what the help says, and where numbers are tried
};

void add_train_options(CLI::App& command, TrainOptions& options);

/// The configuration that the flags make, checked: over that of --config, else over `stored`, the text of the
/// run's own config.json, else over the defaults. A flag that is a stage's setting holds for every stage; one
/// that belongs to an optimizer, for those that use it. `--steps` is the number of updates in all: of the one
/// stage, or, where a run of several goes on, with the difference made by its last stage. Throws InputError.
RunConfig train_configuration(const TrainOptions& options, const std::string& stored);

}  // namespace ntpgeo
