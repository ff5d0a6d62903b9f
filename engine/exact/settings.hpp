// What the exact solvers are told (design 2.1, limit and path).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/settings/setting.hpp"

namespace ntpgeo {

/// Everything that a run of limit or path is told beside its data set and its limit; what comes after
/// `device` is the path's alone.
struct ExactSettings {
    double tolerance = 1e-6;
    std::string device = "auto";
    std::int64_t shards = 0;  ///< virtual shards of the rows that are solved for; 0: none
    std::vector<double> lambdas;
    bool save_points = false;
};

/// Their tables: what both are told, and what the path alone is.
std::vector<Setting> settings_of(ExactSettings& run);
std::vector<Setting> path_settings_of(ExactSettings& run);

/// A least tolerance in two digits, never below it: the one that is said is accepted when it is given back.
std::string least_tolerance_text(double least);

/// The grid where none is given.
inline constexpr const char* default_grid = "1e-1:1e-8:2";

}  // namespace ntpgeo
