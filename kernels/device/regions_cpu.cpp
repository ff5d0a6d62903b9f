#include <chrono>
#include <utility>

#include "kernels/device/region_clock.hpp"
#include "kernels/device/regions.hpp"

namespace ntpgeo {

struct CpuRegions::Times {
    using Clock = std::chrono::steady_clock;

    RegionTimes regions;
    std::vector<std::pair<Region, Clock::time_point>> open;
};

CpuRegions::CpuRegions() = default;

CpuRegions::~CpuRegions() {
    CpuRegions::measure(false);
}

void CpuRegions::enter(Region region) {
    if (times_) times_->open.emplace_back(region, Times::Clock::now());
}

void CpuRegions::leave() noexcept {
    if (!times_ || times_->open.empty()) return;  // entered before it was measured
    const auto [region, start] = times_->open.back();
    times_->open.pop_back();
    const std::chrono::nanoseconds taken = Times::Clock::now() - start;
    times_->regions.add(region, taken.count());
}

void CpuRegions::measure(bool on) {
    if (times_) region_times = nullptr;
    times_ = on ? std::make_unique<Times>() : nullptr;
    if (on) region_times = &times_->regions;
}

std::vector<RegionTime> CpuRegions::measured() {
    std::vector<RegionTime> all(region_count);
    for (std::size_t at = 0; times_ && at < region_count; ++at) all[at] = times_->regions.of(at);
    return all;
}

}  // namespace ntpgeo
