// The record of any W and H: what the program and the library share of `analyze`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/geometry/limit_geometry.hpp"
#include "engine/geometry/loss_pass.hpp"
#include "engine/geometry/record.hpp"
#include "kernels/backend.hpp"
#include "kernels/team/team_sums.hpp"

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

/// The pass over the logits of the record, by ranks each of which is given all of W and H, and how long it
/// took. All of them call it.
struct SharedAnalysis {
    LossPass pass;
    double seconds = 0;
};
SharedAnalysis share_analysis(Backend& backend, const Dataset& dataset, const GivenFactors& factors,
                              const TeamSums& sums);

/// Bytes of the backend's memory (of the CPU the host's, too) that a record of factors of width `dim` takes
/// at most. Throws InputError where the labels alone do not fit.
std::int64_t analysis_bytes(Backend& backend, const Dataset& dataset, std::int64_t dim,
                            std::int64_t limit_rank);

/// One record, measured in fp64, with its share of ranks where there is one; `time_s` in it is what that
/// took. `limit`: L_mm where figures against it are wanted. Throws InputError where the memory that is free
/// does not suffice.
Record analysis_record(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                       const GivenFactors& factors, const SharedAnalysis* shared = nullptr);

}  // namespace ntpgeo
