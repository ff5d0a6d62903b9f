// The folder that analyze -o keeps, and that --step adds records to, so that snapshots of a network make a
// run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "host/run/config.hpp"
#include "host/run/run_folder.hpp"

namespace ntpgeo {

/// A folder of analyze, opened to add the record of `step`: locked, and without a torn last line. What it
/// stands on must be the same data set; `limit` is what the command line named (its hash left open), and
/// becomes the folder's own where it named none. Throws InputError, one line, where the folder is another
/// verb's, stands on another data set, was begun without the limit that is named now, or has a record of
/// `step` or later; the folder's records are then as they were.
RunFolder open_snapshots(const std::filesystem::path& path, std::int64_t step,
                         const std::string& dataset_hash, LimitReference& limit);

}  // namespace ntpgeo
