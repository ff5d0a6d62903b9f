// RUN/config.json: every resolved setting of a run, and the same file read back as `--config` (design 2.1).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/data/dataset.hpp"
#include "engine/training/settings.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// When metrics are recorded besides step 0 and the last step.
struct Cadence {
    bool logarithmic = true;
    std::int64_t count = 20;  ///< records a decade (logarithmic), or steps between records

    /// "log:20" or "100". Throws InputError for anything else.
    static Cadence parse(const std::string& text);
    [[nodiscard]] std::string text() const;
    /// Whether a record is due after `step` updates. Logarithmic: the whole numbers nearest to 10^(k/count).
    [[nodiscard]] bool due(std::int64_t step) const;
};

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

struct RunConfig {
    DatasetReference dataset;
    LimitReference limit;
    TrainingSettings training{.stages = {Stage{.precision_auto = true}}};
    std::string device = "auto";
    Cadence metrics_every;
    bool metrics_fp64 = true;           ///< metrics in fp64; false: in the stage's own GEMM precision
    std::int64_t certify_every = 0;     ///< steps between certified records; 0: none
    std::int64_t checkpoint_every = 0;  ///< steps; 0: by time alone
    double checkpoint_seconds = 60;
    std::int64_t keep_checkpoints = 2;
};

/// Settles what depends on the device and on the problem's size: the device's name, and precisions and
/// kernels left to `auto` (design 2.1). Throws InputError where the device lacks what is asked for.
void resolve(RunConfig& config, const Dataset& dataset, const Backend& backend);

class Section;
/// Reads what describe_dataset and describe_limit write, where it is there. Live in config_reader.cpp.
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
/// refused. `where` names the file in messages. Throws InputError. Lives in config_reader.cpp.
RunConfig config_from_json(const std::string& text, const std::string& where);

/// Checks what no single option can: finite and positive rates, sizes that fit. Throws InputError naming the
/// setting.
void check(const RunConfig& config);

/// The first setting by which two resolved configurations differ, "" where they agree; the last stage's steps
/// may be more in `wanted` where `depends_on_total` allows it.
std::string first_difference(const RunConfig& stored, const RunConfig& wanted);

}  // namespace ntpgeo
