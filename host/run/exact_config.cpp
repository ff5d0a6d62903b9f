#include "host/run/exact_config.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "host/files/file_error.hpp"
#include "host/files/parse_number.hpp"
#include "host/run/json_section.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::size_t longest_grid = 10000;

double rounded(double value) {
    return std::strtod(fmt::format("{:.15g}", value).c_str(), nullptr);
}

}  // namespace

nlohmann::ordered_json to_json(const ExactConfig& config, const Dataset& dataset) {
    nlohmann::ordered_json json;
    json["format"] = "ntpgeo.config.1";
    json["command"] = config.command;
    json["dataset"] = describe_dataset(config.dataset, dataset);
    if (config.command == "path") {
        json["lambdas"] = config.lambdas;
        json["save_points"] = config.save_points;
        if (!config.limit.path.empty()) json["limit"] = describe_limit(config.limit);
    }
    json["tol"] = config.tolerance;
    json["device"] = config.device;
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
    section.take("tol", config.tolerance);
    section.take("device", config.device);
    section.ignore("versions");
    if (command == "path") {
        const nlohmann::json* lambdas = section.child("lambdas");
        if (!lambdas || !lambdas->is_array()) section.fail("lambdas", "a list of numbers");
        for (const nlohmann::json& value : *lambdas) {
            if (!value.is_number()) section.fail("lambdas", "a list of numbers");
            config.lambdas.push_back(value.get<double>());
        }
        const nlohmann::json* save = section.child("save_points");
        if (save && !save->is_boolean()) section.fail("save_points", "true or false");
        config.save_points = save && save->get<bool>();
        take_limit(section, config.limit);
    }
    section.finish();
    return config;
}

std::vector<double> lambda_grid(const std::string& text) {
    const auto refuse = [&](const std::string& right) {
        throw InputError(fmt::format("--lambda: '{}' {}", printable(std::string_view(text)), right));
    };
    const std::size_t first = text.find(':'),
                      second = text.find(':', first == std::string::npos ? first : first + 1);
    double high = 0, low = 0;
    std::int64_t per_decade = 0;
    if (second == std::string::npos || !parse_number(std::string_view(text).substr(0, first), high) ||
        !parse_number(std::string_view(text).substr(first + 1, second - first - 1), low) ||
        !parse_number(std::string_view(text).substr(second + 1), per_decade) || !std::isfinite(high) ||
        !(high > 0) || !(low > 0) || per_decade < 1)
        refuse("is not HI:LO:PER_DECADE, two positive numbers and a whole number >= 1 (1e-1:1e-8:2, say)");
    if (high < low) refuse("rises: HI must not be below LO, for the path goes down");
    std::vector<double> grid;
    for (std::int64_t k = 0;; ++k) {
        const double lambda =
            rounded(high * std::pow(10.0, -static_cast<double>(k) / static_cast<double>(per_decade)));
        if (lambda < low * (1 - 1e-9)) return grid;
        if (grid.size() == longest_grid)
            refuse(fmt::format("has more than {} values; take fewer a decade", longest_grid));
        grid.push_back(lambda);
    }
}

}  // namespace ntpgeo
