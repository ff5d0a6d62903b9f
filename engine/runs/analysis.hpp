// The record of any W and H: what the program and the library share of `analyze`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/geometry/limit_geometry.hpp"
#include "engine/geometry/record.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// W and H in host memory, and what is known of who made them.
struct GivenFactors {
    const std::vector<double>& words;     ///< [V, dim]
    const std::vector<double>& contexts;  ///< [m, dim]
    std::int64_t dim = 0;
    std::int64_t step = 0;
    double lambda = 0, ridge = 0;            ///< of the run that made them; `ridge` is in the gradient's norm
    std::optional<std::int64_t> stage = {};  ///< likewise, from 1 on
};

/// Bytes of the backend's memory (of the CPU the host's, too) that a record of factors of width `dim` takes
/// at most. Throws InputError where the labels alone do not fit.
std::int64_t analysis_bytes(Backend& backend, const Dataset& dataset, std::int64_t dim,
                            std::int64_t limit_rank);

/// One record, measured in fp64; `time_s` in it is what that took. `limit`: L_mm where figures against it are
/// wanted. Throws InputError where the memory that is free does not suffice.
Record analysis_record(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                       const GivenFactors& factors);

}  // namespace ntpgeo
