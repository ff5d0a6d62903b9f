#include "host/ranks/ranks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "host/ranks/launch.hpp"
#include "host/ranks/meeting.hpp"
#include "host/terminal/interruption.hpp"
#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"
#include "kernels/team/first_rank.hpp"

namespace ntpgeo {
namespace {

/// This process's, for as long as the program runs.
struct Job {
    std::unique_ptr<Team> team;
    bool ends_together = false;
    bool speaks = true;  ///< where it does: whether this rank has something to say
};
Job& job() {
    static Job one;
    return one;
}

/// One rank has failed alone: the others are told by the end of the job.
[[nodiscard]] bool others_wait() {
    return job().team && job().team->size() > 1 && !job().ends_together;
}

/// A rank a GPU, that of its LOCAL_RANK, by NCCL.
std::unique_ptr<Team> join_torchrun(const Launch& launch, double deadline,
                                    const std::optional<std::string>& output) {
    if (!output)
        throw InputError(fmt::format(
            "{} connects GPUs, on which train, limit and path have ranks; start this without it", launch.by));
    const CudaAvailability gpus = cuda_availability();
    if (gpus.devices == 0)
        throw InputError(
            fmt::format("{} connects GPUs, and there is none here ({}); on CPUs start the {} ranks by mpirun",
                        launch.by, gpus.why_none, launch.size));
    if (launch.local_rank >= gpus.devices) {
        // The others of this machine are in order, or say nothing of their own.
        job().ends_together = true;
        job().speaks = launch.local_rank == gpus.devices;
        throw InputError(fmt::format(
            "{} has started rank {} as number {} of a machine with {} GPU{}: each rank takes one", launch.by,
            launch.rank, launch.local_rank, gpus.devices, gpus.devices == 1 ? "" : "s"));
    }
    const NcclModule& module = nccl_module();
    const Meeting meeting(*output, launch, launch.rank == 0 ? module.new_id() : "", deadline);
    return module.join(meeting.id(), {launch.rank, launch.size, launch.local_rank}, deadline);
}

/// The same number for all processes of a machine, containers included, and for no other's.
std::int64_t this_machine() {
    std::string name;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), name);
    if (name.empty()) {
        char host[256] = {};
        static_cast<void>(::gethostname(host, sizeof host - 1));
        name = host;
    }
    return static_cast<std::int64_t>(std::hash<std::string>()(name));
}

}  // namespace

int status_of_exception() {
    try {
        throw;
    } catch (const EndedElsewhere& error) {
        return error.exit_status();
    } catch (const InputError&) {
        return 2;
    } catch (const Interrupted& error) {
        return error.exit_status();
    } catch (...) {
        return 1;
    }
}

Ranks Ranks::join(double deadline, const std::optional<std::string>& output) {
    const Launch launch = read_launch();
    if (launch.by.empty()) return alone();
    if (launch.mpi)
        job().team = join_mpi_team(*launch.mpi, deadline);
    else
        job().team = join_torchrun(launch, deadline, output);
    Team& team = *job().team;
    if (launch.size > 0 && team.size() != launch.size) {
        job().ends_together = true;
        job().speaks = launch.rank == 0;
        throw InputError(
            fmt::format("{} has started {} ranks, and each finds itself alone: the launcher and "
                        "the MPI library are of two installations",
                        launch.by, launch.size));
    }
    if (!team.is_first() && std::freopen("/dev/null", "w", stdout) == nullptr)
        throw Failure("/dev/null cannot be opened");
    end_together();
    TeamSums(team, team.size()).require_same("version of ntpgeo", NTPGEO_VERSION);
    const std::vector<std::int64_t> machines = TeamSums(team, team.size()).values(this_machine());
    team.know_machines(machines);
    const RankGpu gpu = launch.mpi ? own_gpu(team, machines) : RankGpu{launch.local_rank, ""};
    job().ends_together = false;
    return {true, !launch.mpi, deadline, gpu};
}

Ranks Ranks::alone() {
    job().team = std::make_unique<Alone>();
    return {false, false, 0, {}};
}

Team& Ranks::team() const {
    return *job().team;
}

void Ranks::compute_on(const std::string& device) const {
    if (size() == 1 || only_gpus_ || device == "cpu") return;
    const NcclModule* nccl = nullptr;
    together([&] { nccl = &nccl_module(); });
    std::unique_ptr<Team> gpus = join_gpus(team(), *nccl, *gpu_.index, deadline_);
    job().team = std::make_unique<HostsAndGpus>(std::move(job().team), std::move(gpus));
}

void Ranks::refuse_launcher(const std::string& verb) {
    const Launch launch = read_launch();
    if (launch.by.empty() || launch.size == 1) return;
    job().ends_together = true;
    job().speaks = launch.rank == 0;
    throw InputError(fmt::format("{}: runs in one process, and {} has started {}; start it without", verb,
                                 launch.by, launch.size > 0 ? std::to_string(launch.size) : "many"));
}

void Ranks::end_together() {
    job().ends_together = true;
    job().speaks = !job().team || job().team->is_first();
}

void Ranks::at_first(const std::function<void()>& work) const {
    int status = 0;
    try {
        status = first_rank_does(team(), work, status_of_exception);
    } catch (const TeamFailure&) {
        throw;
    } catch (...) {
        end_together();
        throw;
    }
    if (status == 0) return;
    end_together();
    throw EndedElsewhere(status);
}

void Ranks::together(const std::function<void()>& work) const {
    std::exception_ptr error;
    int status = 0;
    try {
        work();
    } catch (...) {
        error = std::current_exception();
        status = status_of_exception();
    }
    // By rank, so that the first that failed is known to all.
    const std::vector<std::int64_t> statuses = TeamSums(team(), size()).values(error ? status + 1 : 0);
    for (int rank = 0; rank < size(); ++rank) {
        if (statuses[static_cast<std::size_t>(rank)] == 0) continue;
        end_together();
        job().speaks = rank == team().rank();
        if (job().speaks) std::rethrow_exception(error);
        throw EndedElsewhere(static_cast<int>(statuses[static_cast<std::size_t>(rank)] - 1));
    }
}

int Ranks::fail(int status, const std::function<void()>& say) {
    try {
        throw;
    } catch (const EndedElsewhere&) {
        return status;  // it has been said
    } catch (...) {
        // Before a team is joined all ranks fail alike.
        const bool mine = job().ends_together ? job().speaks : job().team || read_launch().rank == 0;
        if (mine) say();
        if (others_wait()) job().team->end_job(status);
    }
    return status;
}

void Ranks::leave() {
    job().team.reset();
}

}  // namespace ntpgeo
