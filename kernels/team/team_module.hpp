// A transport as a module, one for each MPI and one for NCCL if they were there at build time, which is
// opened when a launcher has started the program: the program itself links none. Module and program share C++
// classes, so that they must come from one set of headers, as in cuda_module.hpp.
#pragma once

#include <memory>
#include <string>

#include "kernels/team/team.hpp"

namespace ntpgeo {

/// The MPI whose launcher started this process.
enum class Mpi { open_mpi, mpich };

/// Joins the ranks that the launcher of `mpi` has started; `deadline`: seconds that an operation may take.
/// To be called once in a process, which ends its part when the team goes. Throws InputError where there is
/// no module of that MPI or it does not load, in words that say what to install.
std::unique_ptr<Team> join_mpi_team(Mpi mpi, double deadline);

/// Ranks on GPUs, by NCCL.
struct GpuRank {
    int rank = 0, size = 1;
    int device = 0;  ///< this rank's GPU
};

/// What NCCL's module hands out (team_nccl.hpp).
struct NcclModule {
    std::string (*new_id)();
    std::unique_ptr<Team> (*join)(const std::string& id, const GpuRank& rank, double deadline);
};

/// That module, opened. Throws InputError where there is none or it does not load.
const NcclModule& nccl_module();

/// What an MPI's module hands out: what join_mpi_team does once it is open.
struct TeamModule {
    std::unique_ptr<Team> (*join)(double deadline);
};

}  // namespace ntpgeo

extern "C" {
/// The module's boundary_stamp.
const char* ntpgeo_team_stamp();
/// Lives as long as the process, as the module does.
const ntpgeo::TeamModule* ntpgeo_team_module();
/// Likewise, of NCCL's.
const ntpgeo::NcclModule* ntpgeo_nccl_module();
}
