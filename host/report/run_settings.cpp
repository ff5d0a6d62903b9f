// What a run's config.json says, and what a Run answers.
#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "host/report/run_reader.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

ConfigNumber number_of(const json& value) {
    if (value.is_number_integer()) return value.get<std::int64_t>();
    return value.get<double>();
}

/// The setting under `key` of what should be an object.
ConfigValue setting_at(const json& object, const char* key) {
    if (!object.is_object()) return {};
    const auto found = object.find(key);
    if (found == object.end()) return {};
    if (found->is_number_integer()) return found->get<std::int64_t>();
    if (found->is_number()) return found->get<double>();
    if (found->is_string()) return found->get<std::string>();
    if (found->is_array() && found->size() == 2 && (*found)[0].is_number() && (*found)[1].is_number())
        return std::array{number_of((*found)[0]), number_of((*found)[1])};
    return {};
}

StageSettings stage_settings(const json& stage) {
    return {setting_at(stage, "steps"),       setting_at(stage, "optimizer"), setting_at(stage, "lr"),
            setting_at(stage, "lr_schedule"), setting_at(stage, "lambda"),    setting_at(stage, "precision")};
}

}  // namespace

std::optional<ShownSettings> read_settings(const std::string& config) {
    const json object = json::parse(config, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    ShownSettings settings;
    settings.command = text_in(setting_at(object, "command"));
    settings.dim = setting_at(object, "dim");
    settings.master = setting_at(object, "master");
    settings.device = setting_at(object, "device");
    settings.tolerance = setting_at(object, "tol");
    if (const auto data = object.find("dataset"); data != object.end()) {
        settings.data_path = setting_at(*data, "path");
        settings.data_hash = setting_at(*data, "hash");
        settings.data_source = setting_at(*data, "source");
        settings.vocab_size = setting_at(*data, "vocab_size");
        settings.contexts = setting_at(*data, "contexts");
        settings.nnz = setting_at(*data, "nnz");
        settings.entropy = setting_at(*data, "entropy");
    }
    if (const auto stages = object.find("stages"); stages != object.end() && stages->is_array()) {
        settings.stages.emplace();
        for (const json& stage : *stages) settings.stages->push_back(stage_settings(stage));
    }
    return settings;
}

std::optional<double> number_in(const ConfigValue& setting) {
    if (const auto* whole = std::get_if<std::int64_t>(&setting)) return static_cast<double>(*whole);
    const auto* number = std::get_if<double>(&setting);
    return number == nullptr ? std::nullopt : std::optional(*number);
}

std::string text_in(const ConfigValue& setting) {
    const auto* text = std::get_if<std::string>(&setting);
    return text == nullptr ? std::string() : *text;
}

Across followed(RunKind kind) {
    switch (kind) {
        case RunKind::training:
            return Across::step;
        case RunKind::path:
            return Across::lambda;
        case RunKind::limit:
            return Across::iterations;
    }
    return Across::step;
}

const std::vector<double>* Run::column(std::string_view key) const {
    const bool made = key == across_key(Across::logits_norm) || key == across_key(followed(kind));
    if (!made && !record_key(key).in_report())
        throw std::logic_error(fmt::format("no report reads \"{}\"", key));
    const auto found = columns.find(key);
    return found == columns.end() ? nullptr : &found->second;
}

const std::vector<std::vector<double>>& Run::array(std::string_view key) const {
    static const std::vector<std::vector<double>> kNone;
    const auto found = arrays.find(key);
    return found == arrays.end() ? kNone : found->second;
}

const std::vector<std::string>& Run::texts(std::string_view key) const {
    static const std::vector<std::string> kNone;
    const auto found = text_columns.find(key);
    return found == text_columns.end() ? kNone : found->second;
}

double Run::last(std::string_view key) const {
    const std::vector<double>* values = column(key);
    return values == nullptr ? std::numeric_limits<double>::quiet_NaN() : values->back();
}

std::string Run::full_label() const {
    return data_set.empty() ? label : label + ", " + data_set;
}

}  // namespace ntpgeo
