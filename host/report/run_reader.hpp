// What the report knows of a run: its settings and its records, read from the run folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/geometry/figure_table.hpp"
#include "host/run/config_file.hpp"

namespace ntpgeo {

struct StageSettings {
    ConfigValue steps, optimizer, lr, lr_schedule, lambda, precision;
};

/// What the report says of a run's config.json.
struct ShownSettings {
    std::string command;  ///< empty where none is named
    ConfigValue dim, master, device, tolerance;
    std::string data_path;  ///< of its data set, as what follows; "" where none is named
    ConfigValue data_hash, data_source, vocab_size, contexts, nnz, entropy;
    std::optional<std::vector<StageSettings>> stages;
};

ShownSettings shown_settings(const ConfigFile& config);

/// The value where it is a number.
std::optional<double> number_in(const ConfigValue& value);

/// What a run is a run of, and so what its records follow: `training` (also of a network's snapshots, by
/// analyze) the step, `path` a falling λ, `limit` the iterations of the solver.
enum class RunKind { training, path, limit };

/// The axis of what the records of such a run follow.
Across followed(RunKind kind);

/// A run folder in memory (design 2.2). Figures are stored by column, those that the table of figures has for
/// a report; NaN stands where a record holds null or lacks the key.
struct Run {
    std::filesystem::path folder;
    std::string label;     ///< the folder's name, with as much of its path as tells it from the other runs
    std::string data_set;  ///< a name of its data set where those of the runs read with it differ; else empty
    RunKind kind = RunKind::training;
    ShownSettings settings;
    std::size_t records = 0;  ///< n ≥ 1
    /// Key → [n]; holds `step`, strictly increasing, of training and `lambda`, strictly falling, of a path.
    /// `logits_norm`, ‖L̄‖_F, is made from sparse_norm and low_rank_norm.
    std::map<std::string, std::vector<double>, std::less<>> columns;
    /// Key of a list → [k][n].
    std::map<std::string, std::vector<std::vector<double>>, std::less<>> arrays;
    /// Key of texts that say how values were made → [n], untrusted; empty where null or missing.
    std::map<std::string, std::vector<std::string>, std::less<>> text_columns;
    bool cut_tail = false;  ///< the last line was the incomplete tail of a killed run and was left out

    /// The column of `key`, or nullptr where no record holds it. This and last() throw std::logic_error for
    /// a key that no report reads: the table of figures is to say that it does.
    [[nodiscard]] const std::vector<double>* column(std::string_view key) const;
    /// The columns of a list, none where no record holds it.
    [[nodiscard]] const std::vector<std::vector<double>>& array(std::string_view key) const;
    /// The texts under `key`, none where no record holds one.
    [[nodiscard]] const std::vector<std::string>& texts(std::string_view key) const;
    /// The value of `key` in the last record; NaN where it is null or missing.
    [[nodiscard]] double last(std::string_view key) const;
    /// The label, with the name of the data set where there are several.
    [[nodiscard]] std::string full_label() const;
};

/// Reads config.json and metrics.jsonl of one folder; records are put in the order of what they follow,
/// unknown keys are ignored. A last line without a newline that is no JSON is the tail of a killed run and is
/// dropped. Throws InputError, with file and line, for anything else that is malformed, for a folder that is
/// not a run, and for one without records.
Run read_run(const std::filesystem::path& folder);

/// Reads several runs and labels them and their data sets apart. Throws InputError where a folder is given
/// twice.
std::vector<Run> read_runs(const std::vector<std::filesystem::path>& folders);

}  // namespace ntpgeo
