// train --dry-run: what a run would take, before it takes it.
#pragma once

#include <cstdint>

#include "engine/data/dataset.hpp"
#include "host/run/config.hpp"

namespace ntpgeo {

/// Prints where the bytes of the run would go, stage by stage, and times a step of each stage from the run's
/// initial values. Writes no file. `config` is resolved for `backend`. Throws InputError where the memory
/// that is free does not suffice, after the table and before any step. `limit_rank` is that of L_mm's
/// factors, 0 without.
void rehearse(const RunConfig& config, const Dataset& dataset, Backend& backend, std::int64_t limit_rank = 0);

}  // namespace ntpgeo
