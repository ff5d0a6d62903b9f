// GPUs that NCCL connects, a rank each.
#pragma once

#include <memory>
#include <string>

#include "kernels/team/team_module.hpp"

namespace ntpgeo {

/// Bytes that the first rank makes and all ranks need to join.
std::string new_nccl_id();

/// Joins ranks by one id; an operation may take `deadline` seconds, this one included. Throws TeamFailure.
std::unique_ptr<Team> join_nccl_ranks(const std::string& id, const GpuRank& rank, double deadline);

}  // namespace ntpgeo
