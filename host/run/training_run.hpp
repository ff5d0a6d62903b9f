// One training run from its folder's first moment to its result.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/data/dataset.hpp"
#include "host/run/run_folder.hpp"

namespace ntpgeo {

/// How a run stands when it ends.
struct RunSummary {
    std::int64_t step = 0;
    bool at_noise_floor = false;
    bool was_finished = false;           ///< there was nothing left to do
    nlohmann::ordered_json first, last;  ///< its first and last records; null where `was_finished`
};

/// Trains in `folder`, which must be locked, under the resolved `config`: from its newest checkpoint, or from
/// step 0 where it has none. Metrics, checkpoints and the result go to the folder. Throws Interrupted after
/// Ctrl-C (with a checkpoint written), and Failure for a non-finite loss, naming the step and the last good
/// checkpoint.
RunSummary run_training(RunFolder& folder, const RunConfig& config, const Dataset& dataset);

}  // namespace ntpgeo
