#include "host/run/record.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace ntpgeo {
namespace {

using Json = nlohmann::ordered_json;

RecordValue value_of(const Json& json) {
    if (json.is_number_integer()) return json.get<std::int64_t>();
    if (json.is_number()) return json.get<double>();
    if (json.is_string()) return json.get<std::string>();
    const auto listed = [](const Json& item) { return item.is_number() || item.is_null(); };
    if (!json.is_array() || !std::all_of(json.begin(), json.end(), listed)) return {};
    std::vector<double> values;
    values.reserve(json.size());
    for (const Json& item : json)
        values.push_back(item.is_null() ? std::numeric_limits<double>::quiet_NaN() : item.get<double>());
    return values;
}

}  // namespace

std::string json_of(const Record& record) {
    Json object = Json::object();
    for (const Record::Entry& entry : record.entries()) {
        const auto set = [&](const auto& value) {
            if constexpr (std::is_same_v<decltype(value), const std::monostate&>)
                object[entry.key] = nullptr;
            else
                object[entry.key] = value;
        };
        std::visit(set, entry.value);
    }
    return object.dump();
}

std::optional<Record> parse_record(std::string_view line) {
    const Json object = Json::parse(line, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    Record record;
    for (const auto& [key, value] : object.items()) record.add(key, value_of(value));
    return record;
}

}  // namespace ntpgeo
