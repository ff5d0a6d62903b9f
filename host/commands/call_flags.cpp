#include "host/commands/call_flags.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "engine/settings/parse_number.hpp"

namespace ntpgeo {
namespace {

/// A whole number of at most `digits` digits below `end`, which `text` loses.
bool take_part(std::string_view& text, std::size_t digits, double end, double& value) {
    std::size_t length = 0;
    std::int64_t number = 0;
    while (length < text.size() && text[length] >= '0' && text[length] <= '9') ++length;
    if (length == 0 || length > digits || !parse_number(std::string(text.substr(0, length)), number))
        return false;
    text.remove_prefix(length);
    value = static_cast<double>(number);
    return value < end;
}

bool take_mark(std::string_view& text, char mark) {
    if (!text.starts_with(mark)) return false;
    text.remove_prefix(1);
    return true;
}

/// Seconds of [D-]HH:MM:SS; none where it is anything else.
std::optional<double> clock_time(std::string_view text) {
    constexpr std::size_t most_digits = 9;
    double days = 0, hours = 0, minutes = 0, seconds = 0;
    const bool with_days = text.find('-') != std::string_view::npos;
    if (with_days && !(take_part(text, most_digits, 1e9, days) && take_mark(text, '-'))) return std::nullopt;
    if (!take_part(text, with_days ? 2 : most_digits, with_days ? 24 : 1e9, hours) || !take_mark(text, ':') ||
        !take_part(text, 2, 60, minutes) || !take_mark(text, ':') || !take_part(text, 2, 60, seconds) ||
        !text.empty())
        return std::nullopt;
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

std::string take_time(std::string_view text, std::optional<double>& value) {
    double seconds = 0;
    if (text.find(':') == std::string_view::npos) {
        if (!take_text(NumberField{&seconds, NumberRange::positive}, text).empty()) seconds = 0;
    } else {
        seconds = clock_time(text).value_or(0);
    }
    if (!(seconds > 0)) return "is not SECONDS above 0, nor [D-]HH:MM:SS";
    value = seconds;
    return "";
}

}  // namespace

std::vector<Setting> settings_of(CallSettings& call) {
    const auto get = [&call] {
        return call.time_limit ? fmt::format("{}", *call.time_limit) : std::string();
    };
    const auto set = [&call](std::string_view text) { return take_time(text, call.time_limit); };
    return {
        {.name = "time_limit",
         .field = TextField{.get = get, .set = set, .names = {}, .compared = get},
         .help =
             "Write a checkpoint after this time of this call, SECONDS or [D-]HH:MM:SS, and end with exit "
             "status 124 (default: no limit)",
         .metavar = "TIME"},
        {"rank_timeout", NumberField{&call.rank_timeout, NumberRange::positive},
         "Seconds after which a rank that does not answer ends the job ({default})", 0},
    };
}

void CallFlags::add(Command& verb, bool may_stop) {
    std::vector<Setting> settings = settings_of(defaults_);
    if (!may_stop) std::erase_if(settings, [](const Setting& one) { return one.name == "time_limit"; });
    flags_.add(verb, settings, SettingFlags::Checked::all);
}

CallSettings CallFlags::settings() const {
    CallSettings call;
    flags_.apply(settings_of(call));
    return call;
}

}  // namespace ntpgeo
