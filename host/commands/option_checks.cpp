#include "host/commands/option_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "host/files/file_error.hpp"
#include "host/files/parse_number.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

std::string in_quotes(const std::string& text) {
    return "'" + printable(std::string_view(text)) + "'";
}

template <class T>
CLI::Validator whole(T least, const std::string& range) {
    const auto check = [least, range](std::string& text) -> std::string {
        T value = 0;
        if (parse_number(text, value) && value >= least) {
            text = std::to_string(value);  // CLI11 would read a leading 0 as octal
            return {};
        }
        return fmt::format("{} is not a whole number {}", in_quotes(text), range);
    };
    return {check, ""};
}

}  // namespace

CLI::Validator whole_number(std::int64_t least) {
    return whole(least, fmt::format(">= {}", least));
}

CLI::Validator seed_number() {
    return whole<std::uint64_t>(0, "from 0 to 18446744073709551615");
}

CLI::Validator positive_number() {
    const auto check = [](std::string& text) -> std::string {
        double value = 0;
        if (parse_number(text, value) && std::isfinite(value) && value > 0) return {};
        return in_quotes(text) + " is not a number above 0";
    };
    return {check, ""};
}

CLI::Validator non_negative_number() {
    const auto check = [](std::string& text) -> std::string {
        double value = 0;
        if (parse_number(text, value) && std::isfinite(value) && value >= 0) return {};
        return in_quotes(text) + " is not a number >= 0";
    };
    return {check, ""};
}

CLI::Validator one_of(std::vector<std::string> values, std::vector<std::string> not_yet) {
    const auto check = [values = std::move(values),
                        not_yet = std::move(not_yet)](std::string& text) -> std::string {
        if (std::find(values.begin(), values.end(), text) != values.end()) return {};
        const auto is_waiting = [&](const std::string& name) {
            return text == name || (name.back() == ':' && text.rfind(name, 0) == 0);
        };
        const bool waits = std::any_of(not_yet.begin(), not_yet.end(), is_waiting);
        return fmt::format("{} is {}; use {}", in_quotes(text), waits ? "not available yet" : "unknown",
                           fmt::join(values, ", "));
    };
    return {check, ""};
}

}  // namespace ntpgeo
