#include "host/commands/exact_options.hpp"

#include <fmt/format.h>

#include "host/commands/option_checks.hpp"
#include "host/files/file_error.hpp"
#include "host/run/device.hpp"
#include "host/run/exact_result.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr const char* default_grid = "1e-1:1e-8:2";

/// The first setting in which the two differ; empty where they agree.
std::string first_difference(const ExactConfig& stored, const ExactConfig& now) {
    if (now.dataset.hash != stored.dataset.hash) return "the data set";
    if (now.tolerance != stored.tolerance) return "--tol";
    if (now.lambdas != stored.lambdas) return "--lambda";
    if (now.save_points != stored.save_points) return "--save-points";
    if (now.device != stored.device) return "--device";
    if (now.limit.hash != stored.limit.hash) return "--limit";
    return "";
}

void apply(const ExactOptions& options, ExactConfig& config) {
    if (options.data) {
        config.dataset.path = std::filesystem::absolute(*options.data).lexically_normal().string();
        config.dataset.hash = "";
    }
    if (options.tolerance) config.tolerance = *options.tolerance;
    if (options.device) config.device = *options.device;
    if (options.lambdas) config.lambdas = lambda_grid(*options.lambdas);
    if (options.save_points) config.save_points = true;
    if (options.limit) config.limit = limit_reference(options.limit);
}

Dataset load(ExactConfig& config) {
    return read_known_dataset(config.dataset, "the run was made; only the data set it was made of goes on");
}

ExactRun start(const std::string& command, const ExactOptions& options) {
    ExactConfig config;
    config.command = command;
    if (!options.data) throw InputError(command + ": the data set is missing; name its file");
    apply(options, config);
    config.device = resolve_device(config.device);
    if (command == "path" && config.lambdas.empty()) config.lambdas = lambda_grid(default_grid);
    RunFolder::require_free(*options.output);
    Dataset dataset = load(config);
    auto limit = load_limit(config.limit, dataset, config.dataset.hash);
    return {std::move(config), std::move(dataset), std::move(limit), *options.output, false};
}

bool goes_on(const ExactOptions& options) {
    return options.output && options.resume && RunFolder::holds_run(*options.output);
}

ExactConfig stored_config(const std::string& command, const RunFolder& folder) {
    return exact_config_from_json(folder.config_text(), command, printable(folder.path() / "config.json"));
}

ExactRun go_on(const std::string& command, const ExactOptions& options) {
    const RunFolder folder = RunFolder::open(*options.output);
    const ExactConfig stored = stored_config(command, folder);
    ExactConfig config = stored;
    apply(options, config);
    config.device = resolve_device(config.device);
    Dataset dataset = load(config);
    // A limit is of one data set: where that is another, it is the difference to name.
    std::optional<LimitFactors> limit;
    if (config.dataset.hash == stored.dataset.hash)
        limit = load_limit(config.limit, dataset, config.dataset.hash);
    if (const std::string difference = first_difference(stored, config); !difference.empty())
        throw InputError(
            fmt::format("{}: cannot be resumed with another setting of {}; leave it out, or give a new name",
                        printable(folder.path()), difference));
    return {std::move(config), std::move(dataset), std::move(limit), *options.output, true};
}

}  // namespace

void add_exact_options(CLI::App& command, ExactOptions& options) {
    command.add_option("DS", options.data, "The data set");
    command.add_option("-o,--output", options.output, "The run's folder");
    command.add_option("--tol", options.tolerance, "Relative gap to certify (default 1e-6)")
        ->check(positive_number());
    command.add_flag("--resume", options.resume, "Go on with the run in the folder");
    command.add_option("--device", options.device, "auto (default), cpu or cuda[:i]");
}

ExactRun open_exact_run(const std::string& command, const ExactOptions& options) {
    if (!options.output) throw InputError(command + ": --output is missing; name the run's folder: -o RUN");
    return goes_on(options) ? go_on(command, options) : start(command, options);
}

std::optional<ExactConfig> finished_exact_run(const std::string& command, const ExactOptions& options) {
    if (!goes_on(options) || !holds_final_result(*options.output)) return std::nullopt;
    const ExactConfig stored = stored_config(command, RunFolder::open(*options.output));
    ExactConfig config = stored;
    apply(options, config);
    const bool nothing_to_do =
        inputs_are_gone(config.dataset, config.limit) && first_difference(stored, config).empty();
    return nothing_to_do ? std::optional(config) : std::nullopt;
}

}  // namespace ntpgeo
