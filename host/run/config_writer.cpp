// Writing a config.json.
#include <nlohmann/json.hpp>

#include "host/files/path.hpp"
#include "host/run/config_file.hpp"

namespace ntpgeo {
namespace {

nlohmann::ordered_json json_of(const Field& field) {
    return std::visit(
        [](const auto& one) -> nlohmann::ordered_json {
            using Kind = std::decay_t<decltype(one)>;
            if constexpr (std::is_same_v<Kind, DecayField>)
                return {*one.start, *one.end};
            else if constexpr (std::is_same_v<Kind, GridField>)
                return *one.values;
            else if constexpr (std::is_same_v<Kind, TextField>)
                return one.get();
            else if constexpr (std::is_same_v<Kind, OptionalWholeField>)
                return *one.value ? nlohmann::ordered_json(**one.value) : nlohmann::ordered_json();
            else
                return *one.value;
        },
        field);
}

void add_to(nlohmann::ordered_json& json, const std::vector<Setting>& settings) {
    for (const Setting& setting : settings)
        if (setting.written) json[std::string(setting.name)] = json_of(setting.field);
}

}  // namespace

ConfigWriter::ConfigWriter(const std::string& command, const DatasetReference& reference,
                           const Dataset& dataset)
    : json_(std::make_unique<nlohmann::ordered_json>()) {
    (*json_)["format"] = config_format;
    (*json_)["command"] = command;
    (*json_)["dataset"] = {
        {"path", text_of_path(reference.path)}, {"hash", reference.hash}, {"vocab_size", dataset.vocab_size},
        {"contexts", dataset.contexts()},       {"nnz", dataset.nnz()},   {"source", dataset.source},
        {"entropy", entropy(dataset)}};
}
ConfigWriter::~ConfigWriter() = default;

void ConfigWriter::add(const std::vector<Setting>& settings) {
    add_to(*json_, settings);
}

void ConfigWriter::add(const LimitReference& limit) {
    if (!limit.path.empty()) (*json_)["limit"] = {{"path", text_of_path(limit.path)}, {"hash", limit.hash}};
}

void ConfigWriter::add(const char* key, const std::string& value) {
    (*json_)[key] = value;
}

void ConfigWriter::add(const char* key, std::int64_t value) {
    (*json_)[key] = value;
}

void ConfigWriter::append(const char* key, const std::vector<Setting>& settings) {
    add_to((*json_)[key].emplace_back(), settings);
}

std::string ConfigWriter::text() const {
    nlohmann::ordered_json json = *json_;
    json["versions"] = {{"ntpgeo", NTPGEO_VERSION}, {"compiler", __VERSION__}};
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ntpgeo
