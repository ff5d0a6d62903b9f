// One training run from its folder's first moment to its result.
#pragma once

#include <optional>

#include "engine/data/dataset.hpp"
#include "engine/geometry/limit_geometry.hpp"
#include "engine/geometry/record.hpp"
#include "host/run/run_folder.hpp"

namespace ntpgeo {

/// How a run stands when it ends.
struct RunSummary {
    Position position;
    bool stationary = false;    ///< its last update was ngd's on a gradient of 0
    bool was_finished = false;  ///< there was nothing left to do
    Record first, last;         ///< its first and last records; empty where `was_finished`
};

/// What there is to say of a run whose result is the last that its configuration asks for; nullopt of others.
std::optional<RunSummary> finished_training(const RunFolder& folder, const RunConfig& config);

/// Trains in `folder`, which must be locked, under the configuration as resolved for `backend`: from its
/// newest checkpoint, or from step 0 where it has none. Metrics, checkpoints (also at the end of each stage)
/// and the result go to the folder. Needs an InterruptGuard: throws Interrupted after a signal, whenever
/// since the guard was made that came, with a checkpoint written. Throws Failure for a non-finite loss and
/// where memory runs out, naming the last good checkpoint.
/// `limit` is L_mm, where its figures are wanted.
RunSummary run_training(RunFolder& folder, const RunConfig& config, const Dataset& dataset, Backend& backend,
                        std::optional<LimitFactors> limit = std::nullopt);

}  // namespace ntpgeo
