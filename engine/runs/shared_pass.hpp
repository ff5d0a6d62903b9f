// The part of a record that takes as long as a step, by all ranks that share the rows.
#pragma once

#include <cstdint>

#include "engine/geometry/loss_pass.hpp"
#include "engine/training/shared_rows.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// The pass over the logits at own rows of W and H (any precision; the pass is of fp64 copies), its products
/// made in `precision`; its bits follow from the shards alone. All ranks call it. Throws OutOfDeviceMemory.
LossPass shared_pass(Backend& backend, const SharedRows& rows, Matrix words, Matrix contexts, double ridge,
                     Precision precision);

/// Bytes of the backend's memory that it takes at most of one rank with all of `shards`.
std::int64_t shared_pass_bytes(Backend& backend, const Dataset& dataset, std::int64_t dim,
                               Precision precision, std::int64_t shards);

}  // namespace ntpgeo
