// What a run's config.json says, and what a Run answers.
#include <fmt/format.h>

#include <limits>
#include <stdexcept>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

ShownSettings shown_settings(const ConfigFile& config) {
    ShownSettings settings;
    settings.command = text_in(config.value({"command"}));
    settings.dim = config.value({"dim"});
    settings.master = config.value({"master"});
    settings.device = config.value({"device"});
    settings.tolerance = config.value({"tol"});
    settings.data_path = config.inputs().dataset.path;
    settings.data_hash = config.value({"dataset", "hash"});
    settings.data_source = config.value({"dataset", "source"});
    settings.vocab_size = config.value({"dataset", "vocab_size"});
    settings.contexts = config.value({"dataset", "contexts"});
    settings.nnz = config.value({"dataset", "nnz"});
    settings.entropy = config.value({"dataset", "entropy"});
    const auto stages = config.list("stages");
    if (!stages) return settings;
    settings.stages.emplace();
    for (const ConfigFile& stage : *stages)
        settings.stages->push_back({stage.value({"steps"}), stage.value({"optimizer"}), stage.value({"lr"}),
                                    stage.value({"lr_schedule"}), stage.value({"lambda"}),
                                    stage.value({"precision"})});
    return settings;
}

std::optional<double> number_in(const ConfigValue& setting) {
    if (const auto* whole = std::get_if<std::int64_t>(&setting)) return static_cast<double>(*whole);
    const auto* number = std::get_if<double>(&setting);
    return number == nullptr ? std::nullopt : std::optional(*number);
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
