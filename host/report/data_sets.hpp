// The data sets that the runs of a report were made on: their names, and their files and the results of the
// runs as far as they can still be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/geometry/gram_pictures.hpp"
#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The last name of each path, with as many of the folders above it as tell it from the others; equal paths
/// are numbered: "d.safetensors (2)". Paths are absolute and normal.
std::vector<std::string> distinct_names(const std::vector<std::filesystem::path>& paths);

/// A data set as the runs' config.json describe it.
struct DataSet {
    std::string name;  ///< its file's name without the ending, told apart from the others'; untrusted
    std::filesystem::path path;     ///< of its file; empty where no config names it
    std::string hash;               ///< as config.json has it; empty where unknown
    std::int64_t vocab_size = 0;    ///< V; 0 where unknown
    std::int64_t nnz = 0;           ///< entries of the supports; 0 where unknown
    std::vector<std::size_t> runs;  ///< the runs on it, ascending
};

/// The data sets in the order of their first run. Two runs share one where their hashes agree, or where
/// neither has one and their paths do; a run of an earlier version, whose hash is of another kind, shares one
/// where both read the same path and the file there has both hashes.
std::vector<DataSet> data_sets_of(const std::vector<Run>& runs);

/// The data sets of runs, each read at most once, when it is first asked for.
class DataSetFiles {
  public:
    explicit DataSetFiles(const std::vector<Run>& runs) : data_sets_(data_sets_of(runs)), read_(size()) {}

    [[nodiscard]] std::size_t size() const { return data_sets_.size(); }
    [[nodiscard]] const DataSet& operator[](std::size_t index) const { return data_sets_[index]; }

    /// The data set's content; nullptr where its file is gone or has other contents than the runs saw.
    const Dataset* read(std::size_t index);
    /// Why read() gave nullptr, as HTML: a clause that says "its file".
    [[nodiscard]] const std::string& reason(std::size_t index) const { return read_[index]->reason; }

  private:
    struct Read {
        std::optional<Dataset> dataset;
        std::string reason;
    };
    std::vector<DataSet> data_sets_;
    std::vector<std::optional<Read>> read_;
};

/// The factors of a run's result: W [V, d], centred, and H [m, d].
struct RunResult {
    Factor words, contexts;
};

/// Whether the run's folder has a result.
bool has_result(const Run& run);

/// Why a run has no result, as a clause of HTML.
std::string no_result_reason(const Run& run);

/// How many numbers W and H have together, from the file's header alone. Throws InputError where it cannot be
/// read.
std::int64_t result_entries(const Run& run);

/// Throws InputError where the result cannot be read or does not fit the data set.
RunResult read_result(const Run& run, const Dataset& dataset);

}  // namespace ntpgeo
