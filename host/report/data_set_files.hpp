// The files of a report's data sets and the results of its runs, as far as they can still be read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/geometry/gram_pictures.hpp"
#include "host/report/data_sets.hpp"

namespace ntpgeo {

/// The data sets of runs, each read at most once, when it is first asked for.
class DataSetFiles {
  public:
    explicit DataSetFiles(const std::vector<Run>& runs) : data_sets_(data_sets_of(runs)), read_(size()) {}

    [[nodiscard]] std::size_t size() const { return data_sets_.size(); }
    [[nodiscard]] const DataSet& operator[](std::size_t index) const { return data_sets_[index]; }

    /// The data set's content; nullptr where its file is gone or has other bytes than the runs saw.
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

/// How many numbers W and H have together, from the file's header alone. Throws InputError where it cannot be
/// read.
std::int64_t result_entries(const Run& run);

/// Throws InputError where the result cannot be read or does not fit the data set.
RunResult read_result(const Run& run, const Dataset& dataset);

}  // namespace ntpgeo
