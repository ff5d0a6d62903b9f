#include "engine/machine/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

#include "kernels/base/status.hpp"

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

std::string bytes_text(std::int64_t bytes) {
    if (bytes < 1024) return fmt::format("{} bytes", bytes);
    double value = static_cast<double>(bytes);
    const char* unit = "bytes";
    for (const char* larger : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
        if (value < 1023.95) break;
        value /= 1024;
        unit = larger;
    }
    return fmt::format("{:.1f} {}", value, unit);
}

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

ResidentMemory resident_memory() {
    const char* const status = "/proc/self/status";
    return {number_in(status, "VmRSS:").value_or(0) * 1024, number_in(status, "VmHWM:").value_or(0) * 1024};
}

void require_memory(Backend& backend, std::int64_t bytes, const std::string& what) {
    const std::int64_t free = available_memory(backend);
    if (bytes > free)
        throw InputError(
            fmt::format("{} needs {} and the device {} has {} free; take fewer contexts or words", what,
                        bytes_text(bytes), backend.device(), bytes_text(free)));
}

void require_decomposable(const Backend& backend, std::int64_t n, const std::string& what) {
    const EigenLimit limit = backend.eigen_limit();
    if (n > limit.largest)
        throw InputError(
            fmt::format("{} decomposes a matrix of {} rows, and {} on the device {} takes {} at most; take "
                        "{}fewer contexts "
                        "or words",
                        what, n, limit.routine, backend.device(), limit.largest,
                        backend.device() != "cpu" ? "--device cpu or " : ""));
}

}  // namespace ntpgeo
