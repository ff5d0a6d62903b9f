// RUN/config.json of `ntpgeo train`: every resolved setting of a run, and the same file read back as
// `--config` (design 2.1); and what the configurations of all verbs share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "engine/data/dataset.hpp"
#include "engine/training/settings.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// Which data a run stands on.
struct DatasetReference {
    std::string path;  ///< absolute
    std::string hash;  ///< of the file's bytes
};

/// Reads the data set that `reference` names and settles its hash. Throws InputError as read_dataset does,
/// and where the reference has a hash and the file another: "PATH: has changed since SINCE".
Dataset read_known_dataset(DatasetReference& reference, std::string_view since);

/// The limit run whose L_mm the figures are held against.
struct LimitReference {
    std::string path;  ///< of its folder, absolute; "" where there is none
    std::string hash;  ///< of its result's bytes
};

/// Whether what a run was made of is no longer where it was. (What has changed there is another matter.)
bool inputs_are_gone(const DatasetReference& dataset, const LimitReference& limit);

struct RunConfig : RunSettings {
    DatasetReference dataset;
    LimitReference limit;
};

/// Settles what depends on the device and on the problem's size: the device's name, and precisions and
/// kernels left to `auto` (design 2.1). Throws InputError where the device lacks what is asked for.
void resolve(RunConfig& config, const Dataset& dataset, const Backend& backend);

class Section;
/// Reads what describe_dataset and describe_limit write, where it is there.
void take_dataset(Section& section, DatasetReference& reference);
void take_limit(Section& section, LimitReference& reference);

/// Which data a run stands on, with the sizes for information; which limit; and the versions, for
/// information.
nlohmann::ordered_json describe_dataset(const DatasetReference& reference, const Dataset& dataset);
nlohmann::ordered_json describe_limit(const LimitReference& reference);
nlohmann::ordered_json versions();

/// `dataset` adds its sizes, and versions are added, for information.
nlohmann::ordered_json to_json(const RunConfig& config, const Dataset& dataset);

/// Reads a file that `to_json` wrote, or a person: keys left out keep their defaults, unknown keys are
/// refused. `where` names the file in messages. Throws InputError.
RunConfig config_from_json(const std::string& text, const std::string& where);

/// Checks what no single option can: finite and positive rates, sizes that fit. Throws InputError naming the
/// setting.
void check(const RunConfig& config);

/// How messages name the stage at `index` before one of its settings: "stage 2, ", or "" where it is the only
/// one.
std::string stage_prefix(const TrainingSettings& training, std::size_t index);

/// The first setting by which two resolved configurations differ, "" where they agree; the last stage's steps
/// may be more in `wanted` where `depends_on_total` allows it.
std::string first_difference(const RunConfig& stored, const RunConfig& wanted);

}  // namespace ntpgeo
