// What the verbs `limit` and `path` share: their options, and how a run begins or goes on.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "host/run/exact_folder.hpp"

namespace ntpgeo {

struct ExactOptions {
    std::optional<std::string> data, output, device, lambdas, limit;
    std::optional<double> tolerance;
    bool save_points = false, resume = false;
};

/// DS, -o, --tol, --resume, --device.
void add_exact_options(CLI::App& command, ExactOptions& options);

/// Throws InputError where an argument, the data set or the folder is wrong, before anything is written.
/// `lambdas` are the path's grid where none is given.
ExactRun open_exact_run(const std::string& command, const ExactOptions& options);

/// The configuration of a finished run that is to go on as it is and whose inputs are gone: there is nothing
/// left to do with them. nullopt of every other.
std::optional<ExactConfig> finished_exact_run(const std::string& command, const ExactOptions& options);

}  // namespace ntpgeo
