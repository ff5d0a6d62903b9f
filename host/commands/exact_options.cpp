#include "host/commands/exact_options.hpp"

#include <fmt/format.h>

#include "host/files/file_error.hpp"
#include "host/run/device.hpp"
#include "host/run/exact_result.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

void apply(const ExactOptions& options, ExactConfig& config) {
    if (options.data) {
        config.dataset.path = std::filesystem::absolute(*options.data).lexically_normal().string();
        config.dataset.hash = "";
    }
    if (const auto& grid = options.settings.text("lambdas")) config.lambdas = lambda_grid(*grid);
    options.settings.apply(settings_of(config));
    if (options.limit) config.limit = limit_reference(options.limit);
}

Dataset load(ExactConfig& config) {
    return read_known_dataset(config.dataset, "the run was made; only the data set it was made of goes on");
}

ExactRun start(const ExactOptions& options) {
    const std::string& command = options.defaults.command;
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

ExactRun go_on(const ExactOptions& options) {
    const RunFolder folder = RunFolder::open(*options.output);
    const ExactConfig stored = stored_config(options.defaults.command, folder);
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
    const std::vector<Setting> settings = settings_of(options.defaults);
    const auto add = [&](int from, int to) {
        options.settings.add(command, settings, SettingFlags::Checked::numbers, from, to);
    };
    command.add_option("DS", options.data, "The data set");
    command.add_option("-o,--output", options.output, "The run's folder");
    add(0, 0);
    command.add_flag("--resume", options.resume, "Go on with the run in the folder");
    add(1, 2);
    if (options.defaults.command != "path") return;
    command.add_option(
        "--limit", options.limit,
        "The folder of a limit run, to measure against L_mm (solved first where that is cheap)");
    add(3, 3);
}

ExactRun open_exact_run(const ExactOptions& options) {
    if (!options.output)
        throw InputError(options.defaults.command + ": --output is missing; name the run's folder: -o RUN");
    return goes_on(options) ? go_on(options) : start(options);
}

std::optional<ExactConfig> finished_exact_run(const ExactOptions& options) {
    if (!goes_on(options) || !holds_final_result(*options.output)) return std::nullopt;
    const ExactConfig stored = stored_config(options.defaults.command, RunFolder::open(*options.output));
    ExactConfig config = stored;
    apply(options, config);
    const bool nothing_to_do =
        inputs_are_gone(config.dataset, config.limit) && first_difference(stored, config).empty();
    return nothing_to_do ? std::optional(config) : std::nullopt;
}

}  // namespace ntpgeo
