#include <dlfcn.h>

#include <string>

#include "kernels/base/boundary_stamp.hpp"
#include "kernels/base/open_module.hpp"
#include "kernels/base/status.hpp"
#include "kernels/team/team_module.hpp"

namespace ntpgeo {

std::unique_ptr<Team> join_mpi_team(Mpi mpi, double deadline) {
    const bool open_mpi = mpi == Mpi::open_mpi;
    const std::string name = open_mpi ? "Open MPI" : "MPICH",
                      package = open_mpi ? "libopenmpi-dev" : "libmpich-dev";
    const auto path = find_module(open_mpi ? "libntpgeo_openmpi.so" : "libntpgeo_mpich.so");
    if (path.empty())
        throw InputError("started by the launcher of " + name +
                         ", of which this build of ntpgeo has no module: install " + package +
                         " and build it again");
    // MPI's own modules look for the symbols of the library that opened them.
    void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (module == nullptr) {
        const char* const why = dlerror();
        throw InputError(path.string() + " does not load (" + (why ? why : "no reason given") +
                         "): it is for " + name);
    }
    const auto stamp = function_of<decltype(ntpgeo_team_stamp)>(module, "ntpgeo_team_stamp");
    const auto table = function_of<decltype(ntpgeo_team_module)>(module, "ntpgeo_team_module");
    if (stamp == nullptr || table == nullptr || stamp() != std::string(boundary_stamp))
        throw InputError(path.string() +
                         " is of another build of ntpgeo than what opens it: install both anew");
    return table()->join(deadline);
}

}  // namespace ntpgeo
