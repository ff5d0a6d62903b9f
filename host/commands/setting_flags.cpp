#include "host/commands/setting_flags.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/files/file_error.hpp"
#include "host/run/config_file.hpp"

namespace ntpgeo {
namespace {

void sort_by_place(std::vector<Setting>& settings) {
    std::stable_sort(settings.begin(), settings.end(),
                     [](const Setting& a, const Setting& b) { return a.place < b.place; });
}

bool is_number(const Field& field) {
    return !std::holds_alternative<TextField>(field) && !std::holds_alternative<DecayField>(field) &&
           !std::holds_alternative<GridField>(field);
}

/// What help calls a value that has no name of its own.
const char* type_of(const Field& field) {
    if (std::holds_alternative<WholeField>(field) || std::holds_alternative<OptionalWholeField>(field))
        return "INT";
    if (std::holds_alternative<SeedField>(field)) return "UINT";
    return std::holds_alternative<NumberField>(field) ? "FLOAT" : "TEXT";
}

std::string complaint(const std::string& text, const std::string& wrong) {
    return wrong.empty() ? "" : fmt::format("'{}' {}", printable(std::string_view(text)), wrong);
}

}  // namespace

void SettingFlags::add(Command& verb, const std::vector<Setting>& settings, Checked checked, int from,
                       int to) {
    std::vector<Setting> sorted = settings;
    sort_by_place(sorted);
    for (const Setting& setting : sorted) {
        if (setting.place < from || setting.place > to) continue;
        const std::string flag = "--" + flag_name(setting), name(setting.name), help = help_of(setting);
        if (std::holds_alternative<SwitchField>(setting.field)) {
            verb.add_flag(flag, switches_[name], help);
            continue;
        }
        OptionTraits traits;
        traits.type_name = setting.metavar.empty() ? type_of(setting.field) : setting.metavar;
        if (checked == Checked::all || is_number(setting.field)) traits.check = taken_by(setting.field);
        if (!setting.metavar.empty()) traits.default_text = text_of(setting.field);
        verb.add_option(flag, texts_[name], help, traits);
    }
}

const std::optional<std::string>& SettingFlags::text(std::string_view name) const {
    static const std::optional<std::string> none;
    const auto found = texts_.find(name);
    return found == texts_.end() ? none : found->second;
}

void SettingFlags::apply(std::vector<Setting> settings) const {
    sort_by_place(settings);
    for (const Setting& setting : settings) {
        if (const auto on = switches_.find(setting.name); on != switches_.end() && on->second)
            take_or_refuse(setting, "true");
        if (const auto& given = text(setting.name)) take_or_refuse(setting, *given);
    }
}

TextCheck taken_by(const Field& field) {
    return [field](std::string& text) { return complaint(text, take_text(field, text)); };
}

TextCheck whole_number(std::int64_t least) {
    return [least](std::string& text) {
        std::int64_t value = 0;
        const std::string wrong = take_text(WholeField{&value, least}, text);
        if (wrong.empty()) text = std::to_string(value);  // CLI11 would read a leading 0 as octal
        return complaint(text, wrong);
    };
}

}  // namespace ntpgeo
