#include "engine/machine/processors.hpp"

#include <strings.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

constexpr int no_limit = 1000000;

/// quota/period of a group of version 2, "200000 100000" or "max 100000".
std::optional<double> quota_v2(const fs::path& group) {
    std::ifstream file(group / "cpu.max");
    double quota = 0, period = 0;
    if (!(file >> quota >> period) || period <= 0) return std::nullopt;
    return quota / period;
}

/// Of version 1, where −1 is no limit.
std::optional<double> quota_v1(const fs::path& group) {
    std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
    double quota = 0, period = 0;
    if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return std::nullopt;
    return quota / period;
}

/// The least quota of the groups from `mount` down to `group` below it. In a container the group's path is
/// often the host's, and not there: its own then stands at the mount.
template <class Quota>
double least_quota(const fs::path& mount, const fs::path& group, const Quota& quota) {
    fs::path at = mount;
    double least = quota(at).value_or(no_limit);
    for (const fs::path& name : group.relative_path()) {
        if (name == "..") break;  // it is outside what this process sees
        at /= name;
        least = std::min(least, quota(at).value_or(no_limit));
    }
    return least;
}

/// Whether `list`, "cpu,cpuacct", names the controller.
bool names_cpu(std::string_view list) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        if (list.substr(0, end) == "cpu") return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

}  // namespace

int processors_of_group(const fs::path& root) {
    double least = no_limit;
    std::ifstream groups(root / "proc/self/cgroup");
    // A line is number:controllers:path; version 2's has no controllers.
    for (std::string line; std::getline(groups, line);) {
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const fs::path group = line.substr(second + 1);
        if (controllers.empty()) {
            least = std::min(least, least_quota(root / "sys/fs/cgroup", group, quota_v2));
        } else if (names_cpu(controllers)) {
            for (const char* mount : {"sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"})
                least = std::min(least, least_quota(root / mount, group, quota_v1));
        }
    }
    return std::max(1, static_cast<int>(std::ceil(least)));
}

void settle_team() {
    const char* const wanted = std::getenv("OMP_NUM_THREADS");
    const char* const policy = std::getenv("OMP_WAIT_POLICY");
    const int threads = wanted && *wanted ? team_size() : std::min(team_size(), processors_of_group());
    set_team(threads, policy && strcasecmp(policy, "active") == 0 ? Waiting::awake : Waiting::asleep);
}

}  // namespace ntpgeo
