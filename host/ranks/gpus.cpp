#include "host/ranks/gpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"
#include "kernels/team/team_sums.hpp"

namespace ntpgeo {
namespace {

/// What this rank can say of its GPU alone; `place` is where that is.
RankGpu seen_gpu(int rank, int local_rank, std::string& place) {
    const CudaAvailability gpus = cuda_availability();
    if (gpus.devices == 0) return {std::nullopt, fmt::format("rank {} has none ({})", rank, gpus.why_none)};
    const int index = gpus.devices == 1 ? 0 : local_rank;
    if (index >= gpus.devices)
        return {std::nullopt,
                fmt::format("rank {} is number {} of a machine with {}", rank, local_rank, gpus.devices)};
    // Not thrown: the others wait to hear of it.
    try {
        place = cuda_place(index);
    } catch (const InputError& error) {
        return {std::nullopt, fmt::format("rank {}'s {}", rank, error.what())};
    }
    return {index, ""};
}

}  // namespace

RankGpu own_gpu(Team& team, std::span<const std::int64_t> machines) {
    if (team.size() == 1) return {};
    const int rank = team.rank();
    const auto here = machines.begin() + rank;
    std::string place;
    RankGpu own = seen_gpu(rank, static_cast<int>(std::count(machines.begin(), here, *here)), place);
    const TeamSums all(team, team.size());
    const std::vector<std::int64_t> without = all.values(own.index ? 0 : 1);
    const auto lacks = std::find(without.begin(), without.end(), 1);
    if (lacks != without.end())
        return {std::nullopt, all.from(static_cast<int>(lacks - without.begin()), own.why_none)};
    const std::vector<std::int64_t> places =
        all.values(static_cast<std::int64_t>(std::hash<std::string>()(fmt::format("{} {}", *here, place))));
    for (auto second = places.begin(); second != places.end(); ++second)
        if (const auto first = std::find(places.begin(), second, *second); first != second)
            return {std::nullopt, fmt::format("ranks {} and {} see the same one", first - places.begin(),
                                              second - places.begin())};
    return own;
}

std::unique_ptr<Team> join_gpus(Team& hosts, const NcclModule& nccl, int gpu, double deadline) {
    const std::string id =
        TeamSums(hosts, hosts.size()).from_first(hosts.is_first() ? nccl.new_id() : std::string());
    return nccl.join(id, {hosts.rank(), hosts.size(), gpu}, deadline);
}

}  // namespace ntpgeo
