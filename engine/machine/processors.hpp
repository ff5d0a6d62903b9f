// How many processors this process may use, and so how many threads the CPU's loops get.
#pragma once

#include <filesystem>

namespace ntpgeo {

/// The processors that control groups leave to this process, rounded up: the least quota of the group it is
/// in and of those around that one (cgroup v2's cpu.max, v1's cpu.cfs_quota_us); no more than a million where
/// there is none. `root` is the file system that is asked, for tests.
int processors_of_group(const std::filesystem::path& root = "/");

/// Gives the CPU's loops a thread for each processor that this process may use: by its affinity, and by its
/// control group unless OMP_NUM_THREADS says how many there shall be. Its threads sleep while they wait,
/// unless OMP_WAIT_POLICY=active. Not to be called while a loop runs.
void settle_team();

}  // namespace ntpgeo
