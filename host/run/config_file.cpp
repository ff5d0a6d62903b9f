#include "host/run/config_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/files/characters.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::json;

template <class T>
constexpr const char* type_words = "a whole number";
template <>
constexpr const char* type_words<double> = "a number";
template <>
constexpr const char* type_words<bool> = "true or false";
template <>
constexpr const char* type_words<std::string> = "a string";

[[noreturn]] void fail(const std::string& where, std::string_view key, const std::string& right) {
    throw InputError(fmt::format("{}: '{}' must be {}", where, key, right));
}

template <class T>
bool is_a(const Json& json) {
    if constexpr (std::is_same_v<T, double>) return json.is_number();
    if constexpr (std::is_same_v<T, bool>) return json.is_boolean();
    if constexpr (std::is_same_v<T, std::string>) return json.is_string();
    if constexpr (std::is_same_v<T, std::uint64_t>) return json.is_number_unsigned();
    // What is not unsigned is negative; what is unsigned may pass 2^63.
    return json.is_number_integer() && (!json.is_number_unsigned() || json.get<std::int64_t>() >= 0);
}

/// Takes one setting's value from a file.
struct Taker {
    const std::string& where;
    const Setting& setting;
    const Json& json;

    template <class T>
    void take(T& value) const {
        if (!is_a<T>(json)) fail(where, setting.name, type_words<T>);
        value = json.get<T>();
    }
    void spell(const std::string& text) const {
        try {
            take_or_refuse(setting, text);
        } catch (const InputError& error) {
            throw InputError(where + ", " + error.what());
        }
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
            fail(where, setting.name, "a number or [HI, LO]");
        const bool falls = json[0].get<double>() != json[1].get<double>();
        spell(falls ? text(json[0]) + ":" + text(json[1]) : text(json[0]));
    }
    void operator()(const GridField& field) const {
        if (!json.is_array()) fail(where, setting.name, "a list of numbers");
        for (const Json& value : json) {
            if (!value.is_number()) fail(where, setting.name, "a list of numbers");
            field.values->push_back(value.get<double>());
        }
    }
};

ConfigNumber number_of(const Json& value) {
    if (value.is_number_integer()) return value.get<std::int64_t>();
    return value.get<double>();
}

/// Throws InputError naming the byte at which `text` ceases to be JSON, or its encoding where that is the
/// wrong one.
std::shared_ptr<const Json> parse(const std::string& text, const std::string& where) {
    try {
        return std::make_shared<const Json>(Json::parse(text));
    } catch (const Json::parse_error& error) {
        if (const auto encoding = wide_encoding(text))
            throw InputError(
                fmt::format("{} is {}, and JSON must be UTF-8; convert it (iconv -f {} -t UTF-8)", where,
                            *encoding, *encoding));
        throw InputError(fmt::format("{} is not a JSON file: byte {} breaks it", where, error.byte));
    } catch (const Json::exception&) {
        throw InputError(where + " is not a JSON file");
    }
}

}  // namespace

void take_or_refuse(const Setting& setting, const std::string& text) {
    take_or_refuse(setting, text, printable(std::string_view(text)));
}

std::string first_difference(const std::vector<Setting>& stored, const std::vector<Setting>& wanted) {
    for (std::size_t k = 0; k < stored.size(); ++k)
        if (!same(stored[k].field, wanted[k].field)) return flag_name(stored[k]);
    return "";
}

std::string text_in(const ConfigValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? std::string() : *text;
}

std::optional<ConfigFile> ConfigFile::parse(const std::string& text) {
    auto json = std::make_shared<const Json>(Json::parse(text, nullptr, false));
    if (!json->is_object()) return std::nullopt;
    return ConfigFile(std::move(json));
}

ConfigValue ConfigFile::value(std::initializer_list<const char*> keys) const {
    const Json* found = json_.get();
    for (const char* key : keys) {
        if (!found->is_object() || !found->contains(key)) return {};
        found = &(*found)[key];
    }
    if (found->is_number_integer()) return found->get<std::int64_t>();
    if (found->is_number()) return found->get<double>();
    if (found->is_string()) return found->get<std::string>();
    if (found->is_array() && found->size() == 2 && (*found)[0].is_number() && (*found)[1].is_number())
        return std::array{number_of((*found)[0]), number_of((*found)[1])};
    return {};
}

std::optional<std::vector<ConfigFile>> ConfigFile::list(const char* key) const {
    const auto found = json_->find(key);
    if (found == json_->end() || !found->is_array()) return std::nullopt;
    std::vector<ConfigFile> parts;
    for (const Json& part : *found) parts.push_back(ConfigFile({json_, &part}));
    return parts;
}

std::string ConfigFile::command() const {
    const std::string command = text_in(value({"command"}));
    return command.empty() ? "train" : command;
}

RunInputs ConfigFile::inputs() const {
    const auto path = [&](const char* part) {
        return path_of_text(text_in(value({part, "path"}))).value_or("");
    };
    const auto hash = [&](const char* part) { return text_in(value({part, "hash"})); };
    return {{path("dataset"), hash("dataset")}, {path("limit"), hash("limit")}};
}

ConfigReader::ConfigReader(const std::string& text, const std::string& where, const std::string& command,
                           bool by_hand)
    : ConfigReader(parse(text, where), where) {
    std::string format = by_hand ? config_format : "", named = by_hand ? command : "";
    take("format", format);
    take("command", named);
    if (format != config_format || named != command)
        throw InputError(fmt::format("{} is not a configuration of ntpgeo {} (format {}, command {})", where,
                                     command, config_format, command));
    seen_.insert("versions");
}

ConfigReader::ConfigReader(std::shared_ptr<const Json> json, std::string where)
    : json_(std::move(json)), where_(std::move(where)) {
    if (!json_->is_object()) throw InputError(where_ + " must be a JSON object");
}

bool ConfigReader::has(std::string_view key) const {
    return json_->contains(key);
}

const Json* ConfigReader::child(std::string_view key) {
    seen_.insert(std::string(key));
    const auto found = json_->find(key);
    return found == json_->end() ? nullptr : &*found;
}

void ConfigReader::take(const char* key, std::string& value) {
    const Json* found = child(key);
    if (!found) return;
    if (!found->is_string()) fail(where_, key, type_words<std::string>);
    value = found->get<std::string>();
}

void ConfigReader::take_path(std::string& path) {
    std::string text = text_of_path(path);
    take("path", text);
    std::optional<std::string> found = path_of_text(text);
    if (!found) fail(where_, "path", "a path: a U+0000 in it needs two hexadecimal digits behind it");
    path = *std::move(found);
}

void ConfigReader::take(DatasetReference& dataset) {
    const Json* found = child("dataset");
    if (!found) return;
    ConfigReader part({json_, found}, where_ + ", dataset");
    part.take_path(dataset.path);
    part.take("hash", dataset.hash);
    for (const char* key : {"vocab_size", "contexts", "nnz", "source", "entropy"}) part.seen_.insert(key);
    part.finish();
}

void ConfigReader::take(LimitReference& limit) {
    const Json* found = child("limit");
    if (!found) return;
    ConfigReader part({json_, found}, where_ + ", limit");
    part.take_path(limit.path);
    part.take("hash", limit.hash);
    part.finish();
}

void ConfigReader::take(const Setting& setting) {
    const Json* found = child(setting.name);
    if (found)
        std::visit(Taker{where_, setting, *found}, setting.field);
    else if (std::holds_alternative<GridField>(setting.field))
        fail(where_, setting.name, "a list of numbers");
}

void ConfigReader::take(const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) take(setting);
}

void ConfigReader::take_list(const char* key, const char* name, std::size_t most,
                             const std::function<void(ConfigReader&)>& read) {
    const Json* list = child(key);
    if (!list) return;
    if (!list->is_array() || list->empty() || list->size() > most)
        fail(where_, key, fmt::format("a list of 1 to {} {}", most, key));
    for (std::size_t k = 0; k < list->size(); ++k) {
        ConfigReader part({json_, &(*list)[k]}, fmt::format("{}, {} {}", where_, name, k + 1));
        read(part);
    }
}

void ConfigReader::finish(const Elsewhere& elsewhere) const {
    for (const auto& [key, value] : json_->items()) {
        if (seen_.contains(key)) continue;
        const std::string shown = printable(std::string_view(key));
        const std::string known = fmt::format("{}", fmt::join(seen_, ", "));
        if (elsewhere.has(key))
            refuse(
                fmt::format("unknown key '{}' here: it belongs {}; the keys there are {}; those here are {}",
                            shown, elsewhere.where, fmt::join(elsewhere.keys, ", "), known));
        refuse(fmt::format("unknown key '{}'; the keys here are {}", shown, known));
    }
}

void ConfigReader::refuse(const std::string& what) const {
    throw InputError(where_ + ": " + what);
}

}  // namespace ntpgeo
