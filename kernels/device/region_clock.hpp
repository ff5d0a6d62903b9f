// The CPU's regions inside of loops that threads share: what each of them spends there, while somebody
// measures. A look at one pointer otherwise.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "kernels/device/regions.hpp"

namespace ntpgeo {

/// Of all regions; any thread may add.
class RegionTimes {
  public:
    void add(Region region, std::int64_t nanoseconds) {
        const auto at = static_cast<std::size_t>(region);
        calls_[at].fetch_add(1, std::memory_order_relaxed);
        nanoseconds_[at].fetch_add(nanoseconds, std::memory_order_relaxed);
    }
    [[nodiscard]] RegionTime of(std::size_t at) const {
        return {calls_[at].load(), static_cast<double>(nanoseconds_[at].load()) * 1e-9};
    }

  private:
    std::array<std::atomic<std::int64_t>, region_count> calls_{}, nanoseconds_{};
};

/// Where the process's threads add; null while nobody measures.
inline std::atomic<RegionTimes*> region_times{nullptr};

/// The region as long as this lives, on one of the `threads` that work at its loop: it adds that part of its
/// time, so that what is added comes to the time on the wall where all are at work.
class RegionClock {
  public:
    RegionClock(Region region, int threads) : times_(region_times.load(std::memory_order_relaxed)) {
        if (times_ == nullptr) return;
        region_ = region;
        threads_ = threads;
        start_ = Clock::now();
    }
    RegionClock(const RegionClock&) = delete;
    RegionClock& operator=(const RegionClock&) = delete;
    ~RegionClock() {
        if (times_ == nullptr) return;
        const std::chrono::nanoseconds taken = Clock::now() - start_;
        times_->add(region_, taken.count() / threads_);
    }

  private:
    using Clock = std::chrono::steady_clock;
    RegionTimes* times_;
    Region region_ = Region::step;
    int threads_ = 1;
    Clock::time_point start_;
};

}  // namespace ntpgeo
