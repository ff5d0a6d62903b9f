// ntpgeo train DS -o RUN (design 2.1)
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "host/commands/commands.hpp"
#include "host/commands/train_options.hpp"
#include "host/files/file_error.hpp"
#include "host/run/device.hpp"
#include "host/run/exact_result.hpp"
#include "host/run/interrupt.hpp"
#include "host/run/rehearsal.hpp"
#include "host/run/training_run.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// Reads the data set and knows it again by its hash, where the configuration names one.
Dataset load_dataset(RunConfig& config, bool going_on) {
    return read_known_dataset(
        config.dataset,
        going_on ? "the run was made (its hash is another); only the data set it was made of goes on"
                 : "the configuration was written (its hash is another); name the data set to use it all the "
                   "same");
}

void print_summary(const RunSummary& summary, const RunFolder& folder) {
    const std::string where = printable(folder.path());
    if (summary.was_finished) {
        fmt::print("{}: finished already, at step {}\n", where, summary.position.step);
        return;
    }
    const auto number = [&](const char* key) {
        const std::optional<double> value = summary.last.number(key);
        return value ? fmt::format("{:.6g}", *value) : std::string("does not exist here");
    };
    if (summary.position.at_noise_floor)
        fmt::print("noise floor         step {}: no step lowers the objective any more in this precision\n",
                   summary.position.step);
    if (summary.stationary)
        fmt::print("zero gradient       step {}: ngd has no direction and stays where it is\n",
                   summary.position.step);
    fmt::print("steps               {}\n", summary.position.step);
    fmt::print("loss                {}\n", number("loss"));
    fmt::print("excess loss         {}\n", number("excess_loss"));
    fmt::print("sparse norm         {}\n", number("sparse_norm"));
    fmt::print("low-rank norm       {}\n", number("low_rank_norm"));
    fmt::print("dominance           {}\n", number("dominance"));
    fmt::print("in-support error    {}\n", number("in_support_error"));
    fmt::print("alignment, proxy    {}\n", number("alignment_proxy"));
    if (summary.last.number("alignment_limit"))
        fmt::print("alignment, L_mm     {}\n", number("alignment_limit"));
    fmt::print("collapse            {}\n", number("collapse"));
    fmt::print("run                 {}\n", where);
}

std::filesystem::path output_of(const TrainOptions& options) {
    if (!options.output) throw InputError("train: --output is missing; name the run's folder: -o RUN");
    return *options.output;
}

void start(const TrainOptions& options) {
    const std::filesystem::path output = output_of(options);
    RunConfig config = train_configuration(options, "");
    config.device = resolve_device(config.device);
    RunFolder::require_free(output);
    const Dataset dataset = load_dataset(config, false);
    const auto backend = make_backend(config.device);
    resolve(config, dataset, *backend);
    std::optional<LimitFactors> limit = load_limit(config.limit, dataset, config.dataset.hash);
    const InterruptGuard guard;
    RunFolder folder = RunFolder::create(output, to_json(config, dataset));
    folder.lock();
    print_summary(run_training(folder, config, dataset, *backend, std::move(limit)), folder);
}

void refuse_other_settings(const RunConfig& stored, const RunConfig& config,
                           const std::filesystem::path& output) {
    if (const std::string difference = first_difference(stored, config); !difference.empty())
        throw InputError(fmt::format(
            "{}: cannot be resumed with another setting of {}; leave the flag out, or give a new name",
            printable(output), difference));
}

void go_on(const TrainOptions& options) {
    const std::filesystem::path output = output_of(options);
    RunFolder folder = RunFolder::open(output);
    const auto read_stored = [&] {
        return config_from_json(folder.config_text(), printable(output / "config.json"));
    };
    read_stored();  // a folder of another kind is refused before the lock leaves a file in it
    folder.lock();
    const RunConfig stored = read_stored();
    RunConfig config = train_configuration(options, folder.config_text());
    // A finished run says so where its inputs are gone.
    if (inputs_are_gone(config.dataset, config.limit) && first_difference(stored, config).empty())
        if (const auto finished = finished_training(folder, config)) return print_summary(*finished, folder);
    config.device = resolve_device(config.device);
    const Dataset dataset = load_dataset(config, true);
    const auto backend = make_backend(config.device);
    resolve(config, dataset, *backend);
    // A limit is of one data set: where that is another, it is the difference to name.
    std::optional<LimitFactors> limit;
    if (config.dataset.hash == stored.dataset.hash)
        limit = load_limit(config.limit, dataset, config.dataset.hash);
    refuse_other_settings(stored, config, output);
    config.dataset.path = stored.dataset.path;
    config.limit.path = stored.limit.path;
    const InterruptGuard guard;
    if (config.training != stored.training) folder.replace_config(to_json(config, dataset));
    print_summary(run_training(folder, config, dataset, *backend, std::move(limit)), folder);
}

/// What the run would take, of the machine as it is now.
void dry_run(const TrainOptions& options) {
    const bool going_on = options.resume && options.output && RunFolder::holds_run(*options.output);
    const std::string stored = going_on ? RunFolder::open(*options.output).config_text() : "";
    RunConfig config = train_configuration(options, stored);
    config.device = resolve_device(config.device);
    if (options.output && !going_on) RunFolder::require_free(*options.output);
    const Dataset dataset = load_dataset(config, going_on);
    const auto backend = make_backend(config.device);
    resolve(config, dataset, *backend);
    if (going_on)
        refuse_other_settings(
            config_from_json(stored, printable(std::filesystem::path(*options.output) / "config.json")),
            config, *options.output);
    const auto limit = load_limit(config.limit, dataset, config.dataset.hash);
    rehearse(config, dataset, *backend, limit ? limit->rank : 0);
}

}  // namespace

void add_train_command(CLI::App& app) {
    auto options = std::make_shared<TrainOptions>();
    CLI::App* command =
        app.add_subcommand("train", "Train W and H on a data set and record the geometry on the way");
    add_train_options(*command, *options);
    command->callback([options] {
        if (options->dry_run) return dry_run(*options);
        const bool going_on = options->resume && options->output && RunFolder::holds_run(*options->output);
        going_on ? go_on(*options) : start(*options);
    });
}

}  // namespace ntpgeo
