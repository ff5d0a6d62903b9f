// What the report knows of a run: its settings and its records, read from the run folder and from nothing
// else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ntpgeo {

/// A run folder in memory (design 2.2). Figures are stored by column; NaN stands where a record holds null or
/// lacks the key.
struct Run {  // NOLINT(bugprone-exception-escape): only assertions in the JSON library's move
    std::filesystem::path folder;
    std::string label;      ///< the folder's name, with as much of its path as tells it from the other runs
    nlohmann::json config;  ///< config.json, an object; any key may be missing
    std::vector<std::int64_t> steps;                                  ///< [n], n ≥ 1, strictly increasing
    std::map<std::string, std::vector<double>, std::less<>> columns;  ///< key → [n]
    std::vector<std::vector<double>> singular_values;                 ///< [k][n]
    bool cut_tail = false;  ///< the last line was the incomplete tail of a killed run and was left out

    /// The column of `key`, or nullptr where no record holds it.
    [[nodiscard]] const std::vector<double>* column(std::string_view key) const;
    /// The value of `key` in the last record; NaN where it is null or missing.
    [[nodiscard]] double last(std::string_view key) const;
};

/// Reads config.json and metrics.jsonl of one folder; records are put in the order of their steps, unknown
/// keys are ignored. A last line without a newline that is no JSON is the tail of a killed run and is
/// dropped. Throws InputError, with file and line, for anything else that is malformed, for a folder that is
/// not a run, and for one without records.
Run read_run(const std::filesystem::path& folder);

/// Reads several runs and labels them apart. Throws InputError where a folder is given twice.
std::vector<Run> read_runs(const std::vector<std::filesystem::path>& folders);

}  // namespace ntpgeo
