#include "engine/settings/setting.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/settings/parse_number.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::size_t longest_grid = 10000;

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// "1e-6", which fmt writes as 1e-06.
std::string short_text(double value) {
    std::string text = fmt::format("{}", value);
    const std::size_t zero = text.find("e-0");
    if (zero != std::string::npos) text.erase(zero + 2, 1);
    return text;
}

double rounded(double value) {
    return std::strtod(fmt::format("{:.15g}", value).c_str(), nullptr);
}

bool parse_finite(std::string_view text, double& value) {
    double number = 0;
    if (!parse_number(text, number) || !std::isfinite(number)) return false;
    value = number;
    return true;
}

bool is_in(NumberRange range, double value) {
    if (!std::isfinite(value)) return false;
    if (range == NumberRange::positive) return value > 0;
    return value >= 0 && (range == NumberRange::non_negative || value < 1);
}

const char* range_words(NumberRange range) {
    return range == NumberRange::positive       ? "a number above 0"
           : range == NumberRange::non_negative ? "a number >= 0"
                                                : "in [0, 1)";
}

std::string take_whole(std::string_view text, std::int64_t least, std::int64_t& value) {
    std::int64_t number = 0;
    if (!parse_number(text, number) || number < least)
        return fmt::format("is not a whole number >= {}", least);
    value = number;
    return "";
}

/// A flag refuses what is negative or no number; the rest of a range is a check of the whole.
std::string take_number(std::string_view text, const NumberField& field) {
    const bool positive = field.range == NumberRange::positive;
    double number = 0;
    if (!parse_finite(text, number) ||
        !is_in(positive ? NumberRange::positive : NumberRange::non_negative, number))
        return positive ? "is not a number above 0" : "is not a number >= 0";
    *field.value = number;
    return "";
}

std::string take_decay(std::string_view text, const DecayField& field) {
    const std::size_t colon = text.find(':');
    const bool range = colon != std::string_view::npos;
    double start = 0, end = 0;
    const bool read =
        parse_finite(text.substr(0, colon), start) && (!range || parse_finite(text.substr(colon + 1), end));
    if (!range) end = start;
    if (!read || start < 0 || end < 0) return "is neither a number >= 0 nor HI:LO";
    if (range && !(end > 0 && start >= end)) return "does not fall from HI to LO > 0 (a geometric decay)";
    *field.start = start;
    *field.end = end;
    return "";
}

void replace(std::string& text, std::string_view what, const std::string& with) {
    if (const std::size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
}

}  // namespace

std::string flag_name(const Setting& setting) {
    std::string flag(setting.flag.empty() ? setting.name : setting.flag);
    std::replace(flag.begin(), flag.end(), '_', '-');
    return flag;
}

std::string help_of(const Setting& setting) {
    std::string help = setting.help;
    replace(help, "{default}", text_of(setting.field));
    return help;
}

std::string choices_of(const TextField& field) {
    return fmt::format("{}", fmt::join(field.names, "|"));
}

std::string range_of(const Field& field) {
    return std::visit(
        Overloaded{
            [](const WholeField& whole) {
                const bool bounded = whole.most != std::numeric_limits<std::int64_t>::max();
                return fmt::format("a whole number >= {}{}", whole.least,
                                   bounded ? fmt::format(", at most {}", whole.most) : "");
            },
            [](const OptionalWholeField& whole) { return fmt::format("a whole number >= {}", whole.least); },
            [](const SeedField&) { return std::string("a whole number of 64 bits"); },
            [](const NumberField& number) { return std::string(range_words(number.range)); },
            [](const SwitchField&) { return std::string("true|false"); },
            [](const DecayField&) { return std::string("a number >= 0, or HI:LO"); },
            [](const GridField&) { return std::string("HI:LO:PER_DECADE"); },
            [](const TextField& text) { return choices_of(text); }},
        field);
}

std::string text_of(const Field& field) {
    return std::visit(
        Overloaded{[](const WholeField& whole) { return std::to_string(*whole.value); },
                   [](const OptionalWholeField& whole) {
                       return *whole.value ? std::to_string(**whole.value) : std::string();
                   },
                   [](const SeedField& seed) { return std::to_string(*seed.value); },
                   [](const NumberField& number) { return short_text(*number.value); },
                   [](const SwitchField& on) { return std::string(*on.value ? "true" : "false"); },
                   [](const DecayField& decay) {
                       const std::string start = short_text(*decay.start);
                       return *decay.start == *decay.end ? start : start + ":" + short_text(*decay.end);
                   },
                   [](const GridField&) { return std::string(); },
                   [](const TextField& text) { return text.get(); }},
        field);
}

std::string take_text(const Field& field, std::string_view text) {
    return std::visit(
        Overloaded{[&](const WholeField& whole) { return take_whole(text, whole.least, *whole.value); },
                   [&](const OptionalWholeField& whole) {
                       std::int64_t number = 0;
                       std::string wrong = take_whole(text, whole.least, number);
                       if (wrong.empty()) *whole.value = number;
                       return wrong;
                   },
                   [&](const SeedField& seed) {
                       return parse_number(text, *seed.value)
                                  ? std::string()
                                  : fmt::format("is not a whole number from 0 to {}",
                                                std::numeric_limits<std::uint64_t>::max());
                   },
                   [&](const NumberField& number) { return take_number(text, number); },
                   [&](const SwitchField& on) {
                       if (text != "true" && text != "false") return std::string("is neither true nor false");
                       *on.value = text == "true";
                       return std::string();
                   },
                   [&](const DecayField& decay) { return take_decay(text, decay); },
                   [&](const GridField& grid) { return take_grid(text, *grid.values); },
                   [&](const TextField& words) { return words.set(text); }},
        field);
}

std::string shown(std::string_view text) {
    constexpr std::size_t longest = 4096;
    std::string line;
    for (const char byte : text.substr(0, longest)) {
        const auto code = static_cast<unsigned char>(byte);
        if (code < 0x20 || code >= 0x7f)
            line += fmt::format("\\x{:02x}", code);
        else
            line += byte;
    }
    return line + (text.size() > longest ? "..." : "");
}

void take_or_refuse(const Setting& setting, std::string_view text, std::string_view in_message) {
    if (const std::string wrong = take_text(setting.field, text); !wrong.empty())
        throw InputError(fmt::format("{}: '{}' {}", flag_name(setting), in_message, wrong));
}

std::string fault_of(const Field& field) {
    if (const auto* whole = std::get_if<WholeField>(&field)) {
        const std::int64_t value = *whole->value, least = whole->or_never ? 0 : whole->least;
        if (value < least) return fmt::format("{} is not a whole number >= {}", value, least);
        if (value > whole->most) return fmt::format("{} is not at most {}", value, whole->most);
    }
    if (const auto* number = std::get_if<NumberField>(&field);
        number && !is_in(number->range, *number->value))
        return fmt::format("{} is not {}", *number->value, range_words(number->range));
    return "";
}

void check(const std::vector<Setting>& settings, const std::string& prefix) {
    for (const Setting& setting : settings)
        if (const std::string fault = fault_of(setting.field); !fault.empty())
            throw InputError(fmt::format("{}{}: {}", prefix, flag_name(setting), fault));
}

bool same(const Field& a, const Field& b) {
    return std::visit(
        [&](const auto& one) {
            using Kind = std::decay_t<decltype(one)>;
            const auto& other = std::get<Kind>(b);
            if constexpr (std::is_same_v<Kind, DecayField>)
                return *one.start == *other.start && *one.end == *other.end;
            else if constexpr (std::is_same_v<Kind, GridField>)
                return *one.values == *other.values;
            else if constexpr (std::is_same_v<Kind, TextField>)
                return one.compared() == other.compared();
            else
                return *one.value == *other.value;
        },
        a);
}

TextField open_field(std::string& value) {
    const auto get = [&value] { return value; };
    return {get, [&value](std::string_view text) { return value = text, std::string(); }, {}, get};
}

std::string take_grid(std::string_view text, std::vector<double>& values) {
    const std::size_t first = text.find(':'),
                      second = text.find(':', first == std::string_view::npos ? first : first + 1);
    double high = 0, low = 0;
    std::int64_t per_decade = 0;
    if (second == std::string_view::npos || !parse_number(text.substr(0, first), high) ||
        !parse_number(text.substr(first + 1, second - first - 1), low) ||
        !parse_number(text.substr(second + 1), per_decade) || !std::isfinite(high) || !(high > 0) ||
        !(low > 0) || per_decade < 1)
        return "is not HI:LO:PER_DECADE, two positive numbers and a whole number >= 1 (1e-1:1e-8:2, say)";
    if (high < low) return "rises: HI must not be below LO, for the path goes down";
    std::vector<double> grid;
    for (std::int64_t k = 0;; ++k) {
        const double lambda =
            rounded(high * std::pow(10.0, -static_cast<double>(k) / static_cast<double>(per_decade)));
        if (lambda < low * (1 - 1e-9)) break;
        if (grid.size() == longest_grid)
            return fmt::format("has more than {} values; take fewer a decade", longest_grid);
        grid.push_back(lambda);
    }
    values = std::move(grid);
    return "";
}

std::string not_among(const std::vector<std::string_view>& names) {
    return fmt::format("is unknown; use {}", fmt::join(names, ", "));
}

}  // namespace ntpgeo
