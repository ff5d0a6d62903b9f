// Folders as ntpgeo limit and path leave them, made by writing the files.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {

/// What a test may want to be otherwise.
struct LimitFolder {
    std::string command = "limit";
    std::int64_t words_rows = 0, contexts_rows = 0;  ///< 0: those of the data set
    std::int64_t words_rank = 3, contexts_rank = 3, sigma_rank = 3;
    double value = 0;  ///< of the first entry of W, where it is not 0
    std::uint64_t seed = 1;
    std::map<std::string, std::string> metadata = {{"format", "ntpgeo.result.1"}};
};

void write_limit_result(const std::filesystem::path& folder, const Dataset& data, const LimitFolder& made);

/// A limit's folder of the data set at `data_path`. Its factors are random and centred: readers look at
/// shapes and hashes, not at what solved them.
std::filesystem::path make_limit_folder(const std::filesystem::path& folder, const std::string& data_path,
                                        const LimitFolder& made = {});

}  // namespace ntpgeo
