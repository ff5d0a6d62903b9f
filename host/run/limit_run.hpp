// A run of `ntpgeo limit`: the solver, its certificates in metrics.jsonl, its checkpoints and its result.
#pragma once

#include "engine/geometry/record.hpp"
#include "host/run/exact_folder.hpp"

namespace ntpgeo {

struct LimitSummary {
    Record record;         ///< the last certificate's; empty where the run had been finished before
    bool reached = false;  ///< whether the tolerance was reached
    bool was_finished = false;
};

/// What such a record, of a data set whose supports are not all full, proves of the proxy S̃, in a clause.
std::string proxy_verdict(const Record& record);

/// Runs to the tolerance, from the newest checkpoint where there is one, and writes the result. Throws
/// Interrupted after a signal, with a checkpoint and the best point so far as result; Failure where it goes
/// wrong.
LimitSummary run_limit(ExactRun& run);

}  // namespace ntpgeo
