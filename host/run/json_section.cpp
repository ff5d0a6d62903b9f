#include "host/run/json_section.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "host/files/file_error.hpp"
#include "host/run/settings.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::json;

template <class T>
constexpr const char* type_words = "a number";
template <>
constexpr const char* type_words<std::int64_t> = "a whole number";
template <>
constexpr const char* type_words<std::uint64_t> = "a whole number";
template <>
constexpr const char* type_words<std::string> = "a string";
template <>
constexpr const char* type_words<bool> = "true or false";

bool is_a(const Json& json, const double&) {
    return json.is_number();
}
bool is_a(const Json& json, const bool&) {
    return json.is_boolean();
}
bool is_a(const Json& json, const std::string&) {
    return json.is_string();
}
bool is_a(const Json& json, const std::uint64_t&) {
    return json.is_number_unsigned();
}
// What is not unsigned is negative; what is unsigned may pass 2^63.
bool is_a(const Json& json, const std::int64_t&) {
    return json.is_number_integer() && (!json.is_number_unsigned() || json.get<std::int64_t>() >= 0);
}

/// Takes one setting's value from a section.
struct Taker {
    Section& section;
    const Setting& setting;
    const Json& json;

    template <class T>
    void take(T& value) const {
        if (!is_a(json, value)) section.fail(setting.name, type_words<T>);
        value = json.get<T>();
    }
    void spell(const std::string& text) const {
        at_place(section.where(), [&] { take_or_refuse(setting, text); });
    }

    void operator()(const WholeField& field) const { take(*field.value); }
    void operator()(const OptionalWholeField& field) const { take(field.value->emplace()); }
    void operator()(const SeedField& field) const { take(*field.value); }
    void operator()(const NumberField& field) const { take(*field.value); }
    void operator()(const SwitchField& field) const { take(*field.value); }
    void operator()(const TextField&) const {
        std::string text;
        take(text);
        spell(text);
    }
    void operator()(const DecayField&) const {
        const auto text = [](const Json& number) { return fmt::format("{}", number.get<double>()); };
        if (json.is_number()) return spell(text(json));
        if (!json.is_array() || json.size() != 2 || !json[0].is_number() || !json[1].is_number())
            section.fail(setting.name, "a number or [HI, LO]");
        const bool falls = json[0].get<double>() != json[1].get<double>();
        spell(falls ? text(json[0]) + ":" + text(json[1]) : text(json[0]));
    }
    void operator()(const GridField& field) const {
        if (!json.is_array()) section.fail(setting.name, "a list of numbers");
        for (const Json& value : json) {
            if (!value.is_number()) section.fail(setting.name, "a list of numbers");
            field.values->push_back(value.get<double>());
        }
    }
};

nlohmann::ordered_json json_of(const Field& field) {
    return std::visit(
        [&](const auto& one) -> nlohmann::ordered_json {
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

}  // namespace

Json parse_json(const std::string& text, const std::string& where) {
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        throw InputError(fmt::format("{} is not a JSON file: byte {} breaks it", where, error.byte));
    } catch (const Json::exception&) {
        throw InputError(where + " is not a JSON file");
    }
}

Section::Section(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) throw InputError(where_ + " must be a JSON object");
}

bool Section::has(std::string_view key) const {
    return json_.contains(key);
}

void Section::take(const char* key, std::string& value) {
    const Json* found = child(key);
    if (!found) return;
    if (!found->is_string()) fail(key, "a string");
    value = found->get<std::string>();
}

void Section::take(const Setting& setting) {
    const Json* found = child(setting.name);
    if (found)
        std::visit(Taker{*this, setting, *found}, setting.field);
    else if (std::holds_alternative<GridField>(setting.field))
        fail(setting.name, "a list of numbers");
}

void Section::take(const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) take(setting);
}

const Json* Section::child(std::string_view key) {
    seen_.insert(std::string(key));
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
}

void Section::fail(std::string_view key, const std::string& right) const {
    throw InputError(fmt::format("{}: '{}' must be {}", where_, key, right));
}

void Section::finish() const {
    for (const auto& [key, value] : json_.items())
        if (!seen_.contains(key))
            throw InputError(fmt::format("{}: unknown key '{}'", where_, printable(std::string_view(key))));
}

void write_settings(const std::vector<Setting>& settings, nlohmann::ordered_json& json) {
    for (const Setting& setting : settings)
        if (setting.written) json[std::string(setting.name)] = json_of(setting.field);
}

}  // namespace ntpgeo
