#include "host/run/config.hpp"

#include <fmt/format.h>

#include "host/files/file_error.hpp"
#include "host/run/run_inputs.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::size_t most_stages = 1000;

std::vector<std::string_view> names_of(const std::vector<Setting>& settings) {
    std::vector<std::string_view> names;
    for (const Setting& setting : settings) names.push_back(setting.name);
    return names;
}

/// Keys left out keep their defaults; unknown keys and those of another optimizer are refused.
Stage read_stage(ConfigReader& part) {
    Stage stage = RunSettings{}.training.stages[0];
    part.take(settings_of(stage));
    RunSettings run;
    part.finish({"to the whole run, beside \"stages\"", names_of(settings_of(run))});
    for (const Setting& setting : settings_of(stage))
        if (part.has(setting.name) && !setting.owned)
            part.refuse(fmt::format("'{}' {}", setting.name, whose_it_is(setting)));
    return stage;
}

/// The first setting by which a stage differs from the stored one; `last` where it is the run's last.
std::string stage_difference(Stage stored, Stage wanted, bool last) {
    const std::int64_t before = stored.steps, after = wanted.steps;
    wanted.steps = before;
    if (std::string difference = first_difference(settings_of(stored), settings_of(wanted));
        !difference.empty())
        return difference;
    if (after != before && !last) return "steps (only those of the last stage may grow)";
    if (after < before) return "steps (they may only grow)";
    if (after > before && depends_on_total(stored))
        return "steps (a schedule of this run depends on their number)";
    return "";
}

const RunInputs& inputs_of(const RunInputs& config) {
    return config;
}

}  // namespace

std::vector<Setting> settings_of(ExactConfig& config) {
    std::vector<Setting> settings = settings_of(static_cast<ExactSettings&>(config));
    if (config.command == "path")
        for (Setting& setting : path_settings_of(config)) settings.push_back(std::move(setting));
    return settings;
}

std::string config_text(const RunConfig& config, const Dataset& dataset) {
    RunSettings settings = config;
    ConfigWriter file("train", config.dataset, dataset);
    file.add(config.limit);
    file.add(settings_of(settings));
    for (Stage& stage : settings.training.stages) file.append("stages", settings_of(stage));
    return file.text();
}

std::string config_text(const ExactConfig& config, const Dataset& dataset) {
    ExactSettings settings = config;
    ConfigWriter file(config.command, config.dataset, dataset);
    if (config.command == "path") {
        file.add(path_settings_of(settings));
        file.add(config.limit);
    }
    file.add(settings_of(settings));
    return file.text();
}

RunConfig read_config(const std::string& text, const std::string& where) {
    RunConfig config;
    ConfigReader file(text, where, "train", true);
    file.take(config.dataset);
    file.take(config.limit);
    file.take(settings_of(config));
    std::vector<Stage> stages;
    file.take_list("stages", "stage", most_stages,
                   [&](ConfigReader& part) { stages.push_back(read_stage(part)); });
    Stage stage;
    file.finish({"to a stage, as in \"stages\": [{\"steps\": 100}]", names_of(settings_of(stage))});
    if (!stages.empty()) config.training.stages = std::move(stages);
    return config;
}

ExactConfig read_exact_config(const std::string& text, const std::string& command, const std::string& where) {
    ExactConfig config;
    config.command = command;
    ConfigReader file(text, where, command, false);
    file.take(config.dataset);
    file.take(settings_of(config));
    if (command == "path") file.take(config.limit);
    file.finish();
    return config;
}

std::string first_difference(const RunConfig& stored, const RunConfig& wanted) {
    if (std::string difference = first_difference(inputs_of(stored), inputs_of(wanted)); !difference.empty())
        return difference;
    RunSettings a = stored, b = wanted;
    if (std::string difference = first_difference(settings_of(a), settings_of(b)); !difference.empty())
        return difference;
    const std::vector<Stage>&s = a.training.stages, &t = b.training.stages;
    if (s.size() != t.size()) return "the number of stages";
    for (std::size_t k = 0; k < s.size(); ++k)
        if (const std::string difference = stage_difference(s[k], t[k], k + 1 == s.size());
            !difference.empty())
            return stage_prefix(a.training, k) + difference;
    return "";
}

std::string first_difference(const ExactConfig& stored, const ExactConfig& wanted) {
    if (wanted.dataset.hash != stored.dataset.hash) return "the data set";
    ExactConfig a = stored, b = wanted;
    if (const std::string difference = first_difference(settings_of(a), settings_of(b)); !difference.empty())
        return "--" + difference;
    return wanted.limit.hash != stored.limit.hash ? "--limit" : "";
}

std::vector<double> lambda_grid(const std::string& text) {
    std::vector<double> grid;
    if (const std::string wrong = take_grid(text, grid); !wrong.empty())
        throw InputError(fmt::format("--lambda: '{}' {}", printable(std::string_view(text)), wrong));
    return grid;
}

}  // namespace ntpgeo
