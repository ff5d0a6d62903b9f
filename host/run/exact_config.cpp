#include "host/run/exact_config.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/files/file_error.hpp"
#include "host/run/json_section.hpp"
#include "host/run/settings.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

std::vector<Setting> settings_of(ExactConfig& config) {
    std::vector<Setting> settings = settings_of(static_cast<ExactSettings&>(config));
    if (config.command == "path")
        for (Setting& setting : path_settings_of(config)) settings.push_back(std::move(setting));
    return settings;
}

nlohmann::ordered_json to_json(const ExactConfig& config, const Dataset& dataset) {
    ExactConfig settings = config;
    nlohmann::ordered_json json;
    json["format"] = "ntpgeo.config.1";
    json["command"] = config.command;
    json["dataset"] = describe_dataset(config.dataset, dataset);
    if (config.command == "path") {
        write_settings(path_settings_of(settings), json);
        if (!config.limit.path.empty()) json["limit"] = describe_limit(config.limit);
    }
    write_settings(settings_of(static_cast<ExactSettings&>(settings)), json);
    json["versions"] = versions();
    return json;
}

ExactConfig exact_config_from_json(const std::string& text, const std::string& command,
                                   const std::string& where) {
    const nlohmann::json json = parse_json(text, where);
    ExactConfig config;
    Section section(json, where);
    std::string format;
    section.take("format", format);
    section.take("command", config.command);
    if (format != "ntpgeo.config.1" || config.command != command)
        throw InputError(
            fmt::format("{} is not a configuration of ntpgeo {} (format ntpgeo.config.1, command {})", where,
                        command, command));
    take_dataset(section, config.dataset);
    section.ignore("versions");
    section.take(settings_of(config));
    if (command == "path") take_limit(section, config.limit);
    section.finish();
    return config;
}

std::string first_difference(const ExactConfig& stored, const ExactConfig& wanted) {
    if (wanted.dataset.hash != stored.dataset.hash) return "the data set";
    ExactConfig a = stored, b = wanted;
    if (const std::string difference = first_difference(settings_of(a), settings_of(b)); !difference.empty())
        return "--" + difference;
    if (wanted.limit.hash != stored.limit.hash) return "--limit";
    return "";
}

std::vector<double> lambda_grid(const std::string& text) {
    std::vector<double> grid;
    if (const std::string wrong = take_grid(text, grid); !wrong.empty())
        throw InputError(fmt::format("--lambda: '{}' {}", printable(std::string_view(text)), wrong));
    return grid;
}

}  // namespace ntpgeo
