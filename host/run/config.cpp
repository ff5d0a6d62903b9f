#include "host/run/config.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/run/device.hpp"
#include "host/run/json_section.hpp"
#include "host/run/precision_choice.hpp"
#include "host/run/settings.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "ntpgeo.config.1";
constexpr std::size_t most_stages = 1000;

/// Keys left out keep their defaults; unknown keys and those of another optimizer are refused. `where` names
/// file and stage in messages.
Stage stage_from_json(const nlohmann::json& json, const std::string& where) {
    Stage stage = RunSettings{}.training.stages[0];
    Section section(json, where);
    section.take(settings_of(stage));
    section.finish();
    for (const Setting& setting : settings_of(stage))
        if (section.has(setting.name) && !setting.owned)
            throw InputError(fmt::format("{}: '{}' belongs to the optimizer {}; leave it out", where,
                                         setting.name, setting.owners));
    return stage;
}

std::vector<Stage> stages_from_json(const nlohmann::json& json, const Section& section) {
    if (!json.is_array() || json.empty() || json.size() > most_stages)
        section.fail("stages", fmt::format("a list of 1 to {} stages", most_stages));
    std::vector<Stage> stages;
    for (const nlohmann::json& stage : json)
        stages.push_back(
            stage_from_json(stage, fmt::format("{}, stage {}", section.where(), stages.size() + 1)));
    return stages;
}

/// The first setting by which a stage differs from the stored one, which is the run's last.
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

}  // namespace

void resolve(RunConfig& config, const Dataset& dataset, const Backend& backend) {
    config.device = resolve_device(config.device);
    resolve_products(config.training, dataset, backend);
}

Dataset read_known_dataset(DatasetReference& reference, std::string_view since) {
    const std::string hash = content_hash(reference.path);
    if (!reference.hash.empty() && hash != reference.hash)
        throw InputError(
            fmt::format("{}: has changed since {}", printable(std::string_view(reference.path)), since));
    reference.hash = hash;
    return read_dataset(reference.path);
}

Json describe_dataset(const DatasetReference& reference, const Dataset& dataset) {
    return {{"path", reference.path},         {"hash", reference.hash}, {"vocab_size", dataset.vocab_size},
            {"contexts", dataset.contexts()}, {"nnz", dataset.nnz()},   {"source", dataset.source},
            {"entropy", entropy(dataset)}};
}

Json describe_limit(const LimitReference& reference) {
    return {{"path", reference.path}, {"hash", reference.hash}};
}

Json versions() {
    return {{"ntpgeo", NTPGEO_VERSION}, {"compiler", __VERSION__}};
}

void take_dataset(Section& section, DatasetReference& reference) {
    const nlohmann::json* dataset = section.child("dataset");
    if (!dataset) return;
    Section part(*dataset, section.where() + ", dataset");
    part.take("path", reference.path);
    part.take("hash", reference.hash);
    for (const char* key : {"vocab_size", "contexts", "nnz", "source", "entropy"}) part.ignore(key);
    part.finish();
}

void take_limit(Section& section, LimitReference& reference) {
    const nlohmann::json* limit = section.child("limit");
    if (!limit) return;
    Section part(*limit, section.where() + ", limit");
    part.take("path", reference.path);
    part.take("hash", reference.hash);
    part.finish();
}

Json to_json(const RunConfig& config, const Dataset& dataset) {
    RunSettings settings = config;
    Json json;
    json["format"] = format_name;
    json["command"] = "train";
    json["dataset"] = describe_dataset(config.dataset, dataset);
    if (!config.limit.path.empty()) json["limit"] = describe_limit(config.limit);
    write_settings(settings_of(settings), json);
    json["stages"] = Json::array();
    for (Stage& stage : settings.training.stages)
        write_settings(settings_of(stage), json["stages"].emplace_back());
    json["versions"] = versions();
    return json;
}

RunConfig config_from_json(const std::string& text, const std::string& where) {
    const nlohmann::json json = parse_json(text, where);
    RunConfig config;
    Section section(json, where);
    std::string format = format_name, command = "train";
    section.take("format", format);
    section.take("command", command);
    if (format != format_name || command != "train")
        throw InputError(where +
                         " is not a configuration of ntpgeo train (format ntpgeo.config.1, command train)");
    take_dataset(section, config.dataset);
    take_limit(section, config.limit);
    section.take(settings_of(config));
    section.ignore("versions");
    if (const nlohmann::json* stages = section.child("stages"))
        config.training.stages = stages_from_json(*stages, section);
    section.finish();
    return config;
}

void check(const RunConfig& config) {
    RunSettings settings = config;
    check(settings_of(settings), "");
    std::vector<Stage>& stages = settings.training.stages;
    for (std::size_t k = 0; k < stages.size(); ++k)
        check(settings_of(stages[k]), stage_prefix(settings.training, k));
}

std::string stage_prefix(const TrainingSettings& training, std::size_t index) {
    return training.stages.size() > 1 ? fmt::format("stage {}, ", index + 1) : "";
}

bool inputs_are_gone(const DatasetReference& dataset, const LimitReference& limit) {
    std::error_code error;
    return !std::filesystem::exists(dataset.path, error) ||
           (!limit.path.empty() && !std::filesystem::exists(limit.path, error));
}

std::string first_difference(const RunConfig& stored, const RunConfig& wanted) {
    if (stored.dataset.hash != wanted.dataset.hash) return "the data set";
    if (stored.limit.hash != wanted.limit.hash) return "limit";
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

}  // namespace ntpgeo
