#include <dlfcn.h>

#include <string>

#include "kernels/base/boundary_stamp.hpp"
#include "kernels/base/open_module.hpp"
#include "kernels/base/status.hpp"
#include "kernels/team/team_module.hpp"

namespace ntpgeo {

namespace {

struct Wanted {
    const char *file, *of, *package;
    int flags;
};

/// What the module's `table` function hands out.
template <class Table>
auto opened(const Wanted& wanted, const std::string& when, const char* table) {
    const auto path = find_module(wanted.file);
    if (path.empty())
        throw InputError(when + ", of which this build of ntpgeo has no module: install " + wanted.package +
                         " and build it again");
    void* const module = dlopen(path.c_str(), RTLD_NOW | wanted.flags);
    if (module == nullptr) {
        const char* const why = dlerror();
        throw InputError(path.string() + " does not load (" + (why ? why : "no reason given") +
                         "): it is for " + wanted.of);
    }
    const auto stamp = function_of<decltype(ntpgeo_team_stamp)>(module, "ntpgeo_team_stamp");
    const auto found = function_of<Table>(module, table);
    if (stamp == nullptr || found == nullptr || stamp() != std::string(boundary_stamp))
        throw InputError(path.string() +
                         " is of another build of ntpgeo than what opens it: install both anew");
    return found();
}

}  // namespace

std::unique_ptr<Team> join_mpi_team(Mpi mpi, double deadline) {
    // MPI's own modules look for the symbols of the library that opened them.
    const Wanted wanted = mpi == Mpi::open_mpi
                              ? Wanted{"libntpgeo_openmpi.so", "Open MPI", "libopenmpi-dev", RTLD_GLOBAL}
                              : Wanted{"libntpgeo_mpich.so", "MPICH", "libmpich-dev", RTLD_GLOBAL};
    return opened<decltype(ntpgeo_team_module)>(
               wanted, std::string("started by the launcher of ") + wanted.of, "ntpgeo_team_module")
        ->join(deadline);
}

const NcclModule& nccl_module() {
    return *opened<decltype(ntpgeo_nccl_module)>({"libntpgeo_nccl.so", "NCCL", "libnccl-dev", RTLD_LOCAL},
                                                 "GPUs of many ranks are connected by NCCL",
                                                 "ntpgeo_nccl_module");
}

}  // namespace ntpgeo
