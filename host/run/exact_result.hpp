// What the verbs limit and path leave in their folders, as other verbs read it (design 2.2).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/geometry/limit_geometry.hpp"
#include "host/files/host_matrix.hpp"
#include "host/run/config.hpp"

namespace ntpgeo {

/// The verb that a config.json names, train where it names none (as --config takes it). `where` names the
/// file. Throws InputError where it is no JSON object.
std::string command_of(const std::string& config_text, const std::string& where);

/// The result of a run of limit or of path: L = W·Hᵀ, W = UΣ^{1/2}, H = VΣ^{1/2}.
struct ExactResult {
    std::string command;                         ///< "limit" or "path"
    DatasetReference dataset;                    ///< that it was made from
    std::filesystem::path file;                  ///< result.safetensors
    HostMatrix words, contexts;                  ///< [V, r], [m, r], finite
    std::vector<double> values;                  ///< [r] σ ≥ 0
    std::optional<double> lambda;                ///< of path: that of the point
    std::optional<double> gap_when_interrupted;  ///< of a limit that is not finished
};

/// Reads the result of a run of limit or path. Throws InputError, naming file and reason, where the folder
/// holds no such run, has no result yet, or its tensors do not fit together.
ExactResult read_exact_result(const std::filesystem::path& folder);

/// The reference that --limit FOLDER makes, its hash left open; empty without. Throws InputError for "".
LimitReference limit_reference(const std::optional<std::string>& folder);

/// Reads the limit that `reference` names, none where its path is empty, and settles its path and hash. One
/// that was interrupted is taken, with a line on stderr that says how near it is. Throws InputError as above;
/// where the folder is another verb's or the limit that of another data set than `dataset`, whose content
/// hash is `dataset_hash`; and where the reference names a hash and the result has another.
std::optional<LimitFactors> load_limit(LimitReference& reference, const Dataset& dataset,
                                       const std::string& dataset_hash);

}  // namespace ntpgeo
