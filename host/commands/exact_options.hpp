// What the verbs `limit` and `path` share: their options, and how a run begins or goes on.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "host/commands/setting_flags.hpp"
#include "host/run/exact_folder.hpp"

namespace ntpgeo {

struct ExactOptions {
    std::optional<std::string> data, output, limit;
    bool resume = false;
    SettingFlags settings;
    ExactConfig defaults;  ///< what the help says, and where numbers are tried; names the verb
};

/// DS, -o, --resume and the verb's settings; of path, --limit.
void add_exact_options(CLI::App& command, ExactOptions& options);

/// Throws InputError where an argument, the data set or the folder is wrong, before anything is written.
ExactRun open_exact_run(const ExactOptions& options);

/// The configuration of a finished run that is to go on as it is and whose inputs are gone: there is nothing
/// left to do with them. nullopt of every other.
std::optional<ExactConfig> finished_exact_run(const ExactOptions& options);

}  // namespace ntpgeo
