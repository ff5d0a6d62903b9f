// A run of `ntpgeo path`: the solver, one record a λ in metrics.jsonl, its checkpoints, its points and its
// result.
#pragma once

#include "engine/geometry/record.hpp"
#include "host/run/exact_folder.hpp"

namespace ntpgeo {

struct PathSummary {
    std::vector<Record> records;  ///< one a λ, those of earlier processes included
    bool was_finished = false;
};

/// Of a finished run.
PathSummary finished_path(const std::filesystem::path& folder);

/// Walks the whole grid, from the newest checkpoint where there is one, and writes the last point as result.
/// Throws Interrupted after a signal, with a checkpoint; Failure where it goes wrong.
PathSummary run_path(ExactRun& run);

}  // namespace ntpgeo
