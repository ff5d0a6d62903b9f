// Records as lines of metrics.jsonl (design 2.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/geometry/record.hpp"

namespace ntpgeo {

/// The record as one JSON object, without a newline. Numbers that are not finite are null.
std::string json_of(const Record& record);

/// The record that a line holds; nullopt where it is no JSON object. What no record holds (an object, a list
/// of other things than numbers and nulls) is null.
std::optional<Record> parse_record(std::string_view line);

}  // namespace ntpgeo
