// What a run is made of, read and known again (its data set, and the limit that its figures are held
// against), and what the runs of limit and path leave for others: results as factors (design 2.2).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/exact/threshold.hpp"
#include "engine/geometry/limit_geometry.hpp"
#include "host/files/matrix_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/run/config_file.hpp"

namespace ntpgeo {

/// The reference that a data set named on the command line makes, its hash left open.
DatasetReference dataset_reference(const std::string& path);

/// Reads the data set that `reference` names and settles its hash. Throws InputError as read_dataset does,
/// and where the reference has a hash and the contents another: "PATH: has changed since SINCE".
Dataset read_known_dataset(DatasetReference& reference, std::string_view since);

/// Whether `hash`, as a config.json has it (of an earlier version's run, too: `names_contents`), is that of
/// the data set that `data` refers to, its hash settled.
bool same_contents(const std::string& hash, const DatasetReference& data);

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

/// Whether a run's folder holds a result that its solver called final. One that is damaged is none, with a
/// note on stderr.
bool holds_final_result(const std::filesystem::path& folder);

/// Writes W [V, r], H [m, r] and sigma [r] (design 2.2), and what else is given, with checksums, atomically.
void write_factors(const std::filesystem::path& file, const SingularFactors& factors, const Dataset& dataset,
                   const std::map<std::string, std::string>& metadata,
                   const std::vector<double>* bound_logits = nullptr);

/// A whole number from a file's metadata. Throws InputError where there is none.
std::int64_t metadata_number(const SafetensorsFile& file, const std::filesystem::path& path, const char* key);

/// The reference that --limit FOLDER makes, its hash left open; empty without. Throws InputError for "".
LimitReference limit_reference(const std::optional<std::string>& folder);

/// Reads the limit that `reference` names, none where its path is empty, and settles its path and hash. One
/// that was interrupted is taken, with a line on stderr that says how near it is. Throws InputError as
/// read_exact_result does; where the folder is another verb's or the limit that of another data set than
/// `dataset`, which is `data`'s; and where the reference names a hash and the result has another.
std::optional<LimitFactors> load_limit(LimitReference& reference, const Dataset& dataset,
                                       const DatasetReference& data);

/// Whether what a run was made of is no longer where it was. (What has changed there is another matter.)
bool are_gone(const RunInputs& inputs);

/// "the data set" or "limit" where the two are not of the same contents, "" where they are.
std::string first_difference(const RunInputs& stored, const RunInputs& wanted);

}  // namespace ntpgeo
