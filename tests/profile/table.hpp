// Profiles as people and programs read them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/profile/cases.hpp"

namespace ntpgeo::profile {

/// The columns of a profile, each per iteration; a graph's copies are among the bytes, its launches and calls
/// are not among the launches and calls.
struct Columns {
    double launches = 0, graph_launches = 0, library_calls = 0, bytes_up = 0, bytes_down = 0,
           synchronisations = 0, allocations = 0;
};

struct Column {
    const char* key;    ///< in JSON
    const char* title;  ///< in the table
    double Columns::*value;
};
inline constexpr Column all_columns[] = {
    {"launches", "launches", &Columns::launches},
    {"graph_launches", "graph launches", &Columns::graph_launches},
    {"library_calls", "library calls", &Columns::library_calls},
    {"bytes_up", "bytes up", &Columns::bytes_up},
    {"bytes_down", "bytes down", &Columns::bytes_down},
    {"synchronisations", "synchronisations", &Columns::synchronisations},
    {"allocations", "allocations", &Columns::allocations},
};

Columns columns_of(const emulated_device::Counts& counts, std::int64_t iterations);

/// A line of names, then a line a profile, each ended by a newline: its columns, and the milliseconds that an
/// iteration is predicted to take on each machine of kernels/device/machines.hpp.
std::string table_text(const std::vector<Profile>& profiles);

/// {format, cases: [{name, problem, iterations, per_iteration: the columns, predicted_s: {machine: {seconds,
/// and its parts}}, regions: {region: counts}, traffic: [...]}]}; predictions are of one iteration, counts in
/// regions and traffic of all of them.
nlohmann::ordered_json as_json(const std::vector<Profile>& profiles);

}  // namespace ntpgeo::profile
