#include "host/run/machine_memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace ntpgeo {
namespace {

/// The number at the beginning of a file, or after `key` in it.
std::optional<std::int64_t> number_in(const char* path, const std::string& key = "") {
    std::ifstream file(path);
    std::string word;
    while (!key.empty() && file >> word && word != key) continue;
    std::int64_t value = 0;
    if (!(file >> value)) return std::nullopt;
    return value;
}

/// What a control group leaves: its limit less what is in use, where the cache of files that nobody reads now
/// does not count.
std::int64_t left_by_group(const char* limit_path, const char* usage_path, const char* detail_path,
                           const char* cache_key) {
    const auto limit = number_in(limit_path), usage = number_in(usage_path);
    if (!limit || !usage) return std::numeric_limits<std::int64_t>::max();  // no group, or no limit ("max")
    return std::max<std::int64_t>(0, *limit - *usage + number_in(detail_path, cache_key).value_or(0));
}

}  // namespace

std::int64_t available_memory(const Backend& backend) {
    const std::int64_t free = backend.memory().free;
    if (backend.device() != "cpu") return free;
    const auto kilobytes = number_in("/proc/meminfo", "MemAvailable:");
    const std::int64_t machine = kilobytes ? *kilobytes * 1024 : free;
    return std::min({machine,
                     left_by_group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                                   "/sys/fs/cgroup/memory.stat", "inactive_file"),
                     left_by_group("/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                   "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                                   "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file")});
}

}  // namespace ntpgeo
