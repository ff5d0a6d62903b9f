#include "host/commands/train_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/settings/parse_number.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/run/exact_result.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// --limit stands in the help between the settings of the records and those of certificates.
constexpr int last_place_before_limit = 8;

void apply_steps(std::int64_t steps, bool going_on, std::vector<Stage>& stages) {
    if (stages.size() == 1) {
        stages[0].steps = steps;
        return;
    }
    if (!going_on)
        throw InputError(
            fmt::format("steps: the configuration has {} stages with steps of their own; change them there",
                        stages.size()));
    std::int64_t before = 0;
    for (std::size_t k = 0; k + 1 < stages.size(); ++k) before += stages[k].steps;
    if (steps < before)
        throw InputError(
            fmt::format("steps: {} are fewer than the {} of the stages before the last", steps, before));
    stages.back().steps = steps - before;
}

/// Refuses a flag that means nothing to any stage.
void require_owner(const SettingFlags& flags, std::vector<Stage>& stages) {
    for (const Setting& setting : settings_of(stages[0])) {
        const auto owns = [&](Stage& stage) {
            const std::vector<Setting> own = settings_of(stage);
            return std::any_of(own.begin(), own.end(),
                               [&](const Setting& one) { return one.name == setting.name && one.owned; });
        };
        if (flags.text(setting.name) && std::none_of(stages.begin(), stages.end(), owns))
            throw InputError(fmt::format("{}: belongs to the optimizer {}; leave it out", flag_name(setting),
                                         setting.owners));
    }
}

/// Flags over the configuration they start from.
void apply(const SettingFlags& flags, bool going_on, RunConfig& config) {
    std::vector<Stage>& stages = config.training.stages;
    for (Stage& stage : stages) {
        const std::int64_t steps = stage.steps;
        flags.apply(settings_of(stage));
        stage.steps = steps;  // they are of the whole run
    }
    if (const auto& given = flags.text("steps")) {
        std::int64_t steps = 0;
        parse_number(*given, steps);
        apply_steps(steps, going_on, stages);
    }
    require_owner(flags, stages);
    flags.apply(settings_of(config));
    check(config);
}

}  // namespace

void add_train_options(CLI::App& command, TrainOptions& options) {
    command.add_option("DS", options.dataset, "The data set, a .safetensors file that ntpgeo data wrote");
    command.add_option("-o,--output", options.output, "The run's folder, made new");
    command.add_flag("--resume", options.resume,
                     "Go on with the run in the folder, at its newest checkpoint");
    command.add_option("--config", options.config_file,
                       "Settings from a JSON file, RUN/config.json say; flags override, in every stage");
    command.add_flag("--dry-run", options.dry_run,
                     "Write nothing; say where memory would go and time a step (-o may be left out)");
    std::vector<Setting> settings = settings_of(options.defaults);
    for (Setting& setting : settings_of(options.defaults.training.stages[0]))
        settings.push_back(std::move(setting));
    const auto checked = SettingFlags::Checked::numbers;
    options.settings.add(command, settings, checked, 0, last_place_before_limit);
    command.add_option("--limit", options.limit,
                       "The folder that ntpgeo limit made of this data set: record alignment with L_mm");
    options.settings.add(command, settings, checked, last_place_before_limit + 1);
}

RunConfig train_configuration(const TrainOptions& options, const std::string& stored) {
    RunConfig config;
    if (options.config_file)
        config = config_from_json(read_file(*options.config_file),
                                  printable(std::string_view(*options.config_file)));
    else if (!stored.empty())
        config = config_from_json(
            stored, printable(std::filesystem::path(options.output.value_or("")) / "config.json"));
    if (options.dataset) config.dataset = {*options.dataset, ""};
    if (config.dataset.path.empty())
        throw InputError(
            options.resume && options.output
                ? fmt::format("train: {} holds no run to resume, and no data set is given to start one",
                              printable(std::filesystem::path(*options.output)))
                : "train: no data set is given; name one: ntpgeo train DS -o RUN");
    config.dataset.path = std::filesystem::absolute(config.dataset.path).lexically_normal().string();
    if (options.limit) config.limit = limit_reference(options.limit);
    apply(options.settings, !stored.empty(), config);
    return config;
}

}  // namespace ntpgeo
