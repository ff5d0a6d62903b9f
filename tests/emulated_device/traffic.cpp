#include "traffic.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "arena.hpp"
#include "streams.hpp"

namespace emulated_device {
namespace {

constexpr std::uintptr_t page = 4096;

bool wanted = false;
bool measuring = false;
Traffic now;

enum class Access { read, written };
std::unordered_map<std::uintptr_t, Access>& accesses() {
    static auto* const accesses = new std::unordered_map<std::uintptr_t, Access>;
    return *accesses;
}

std::map<KernelLaunch, Traffic>& all_traffic() {
    static auto* const traffic = new std::map<KernelLaunch, Traffic>;
    return *traffic;
}

}  // namespace

TrafficMeter::TrafficMeter(const KernelLaunch& launch) : launch_(launch), measures_(wanted) {
    if (!measures_) return;
    now = {.launches = 1};
    accesses().clear();
    Arena::instance().protect(PROT_NONE);
    measuring = true;
}

TrafficMeter::~TrafficMeter() {
    if (!measures_) return;
    measuring = false;
    Arena::instance().protect(PROT_READ | PROT_WRITE);
    Traffic& sum = all_traffic()[launch_];
    sum.launches += now.launches;
    sum.bytes_read += now.bytes_read;
    sum.bytes_written += now.bytes_written;
}

bool TrafficMeter::note_access(void* address, bool is_write) {
    if (!measuring) return false;
    const auto first = reinterpret_cast<std::uintptr_t>(address) / page * page;
    const std::int64_t bytes = Arena::instance().bytes_in(reinterpret_cast<char*>(first), page);
    if (bytes == 0) return false;
    const auto [known, is_new] = accesses().try_emplace(first, is_write ? Access::written : Access::read);
    if (!is_new && (known->second == Access::written || !is_write)) return false;  // it was open
    if (is_write) {
        known->second = Access::written;
        now.bytes_written += bytes;
    } else {
        now.bytes_read += bytes;
    }
    mprotect(reinterpret_cast<void*>(first), page, is_write ? PROT_READ | PROT_WRITE : PROT_READ);
    return true;
}

void measure_traffic(bool on) {
    const std::lock_guard lock(device_mutex());
    wanted = on;
    all_traffic().clear();
}

std::map<KernelLaunch, Traffic> kernel_traffic() {
    const std::lock_guard lock(device_mutex());
    return all_traffic();
}

}  // namespace emulated_device
