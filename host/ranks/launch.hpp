// What a launcher of many processes has said to this one, by environment variables (design 2.1).
#pragma once

#include <optional>
#include <string>

#include "kernels/team/team_module.hpp"

namespace ntpgeo {

struct Launch {
    std::string by;          ///< how messages call it; "": nobody has started this as one of many
    std::optional<Mpi> mpi;  ///< whose processes these are; none of torchrun's
    int rank = 0;
    int size = 0;        ///< 0: it does not say
    int local_rank = 0;  ///< torchrun's: of this machine's
    std::string job{};   ///< what torchrun's ranks of one start have in common, and others have not
};

/// Open MPI's, MPICH's (PMI), PMIx's or torchrun's variables (its full set, of more than one); Slurm's own
/// make no rank, as a batch script has them, too.
Launch read_launch();

}  // namespace ntpgeo
