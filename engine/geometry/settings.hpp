// What analyze and concepts are told (design 2.1) beside their matrices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/settings/setting.hpp"

namespace ntpgeo {

struct AnalyzeSettings {
    std::int64_t step = 0;  ///< what the record is called
    std::string device = "auto";
};

inline constexpr std::int64_t most_directions = 32;

struct ConceptSettings {
    std::int64_t directions = 4;
    std::string device = "auto";
};

/// Their tables.
std::vector<Setting> settings_of(AnalyzeSettings& analyze);
std::vector<Setting> settings_of(ConceptSettings& concepts);

}  // namespace ntpgeo
