// The data sets that the runs of a report were made on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// A data set as the runs' config.json describe it.
struct DataSet {
    std::string name;  ///< its file's name without the ending, told apart from the others'; untrusted
    std::filesystem::path path;     ///< of its file; empty where no config names it
    std::string hash;               ///< of its file's bytes (`content_hash`); empty where unknown
    std::int64_t vocab_size = 0;    ///< V; 0 where unknown
    std::int64_t nnz = 0;           ///< entries of the supports; 0 where unknown
    std::vector<std::size_t> runs;  ///< the runs on it, ascending
};

/// The data sets in the order of their first run. Two runs share one where their hashes agree, or where
/// neither has one and their paths do.
std::vector<DataSet> data_sets_of(const std::vector<Run>& runs);

}  // namespace ntpgeo
