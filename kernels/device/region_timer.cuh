// What a GPU takes in the regions of a run: events around what is queued in each.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "kernels/device/device.cuh"
#include "kernels/device/regions.hpp"
#include "kernels/device/runtime.cuh"

namespace ntpgeo::device {

/// A point in a stream with its time.
class TimedEvent {
  public:
    TimedEvent() { NTPGEO_CHECK(cudaEventCreate(&event_)); }
    TimedEvent(TimedEvent&& other) noexcept { std::swap(event_, other.event_); }
    TimedEvent& operator=(TimedEvent&&) = delete;
    ~TimedEvent() {
        if (event_) static_cast<void>(cudaEventDestroy(event_));
    }

    [[nodiscard]] cudaError_t record(cudaStream_t stream) const { return cudaEventRecord(event_, stream); }
    /// Once both have been reached.
    [[nodiscard]] double seconds_until(const TimedEvent& later) const {
        float milliseconds = 0;
        NTPGEO_CHECK(cudaEventElapsedTime(&milliseconds, event_, later.event_));
        return static_cast<double>(milliseconds) * 1e-3;
    }

  private:
    cudaEvent_t event_ = nullptr;
};

/// Events of the regions of one thread, on its device's stream.
class RegionTimer {
  public:
    explicit RegionTimer(const Device& device) : device_(device), times_(region_count) {}

    void enter(Region region) {
        if (used_ == spans_.size()) spans_.emplace_back();
        spans_[used_].region = region;
        open_.push_back(used_++);
        note(spans_[open_.back()].begin.record(device_.stream()));
    }
    /// Does nothing where the region was entered before it was measured.
    void leave() noexcept {
        if (open_.empty()) return;
        note(spans_[open_.back()].end.record(device_.stream()));
        open_.pop_back();
    }
    /// Of all regions that were left. Waits.
    const std::vector<RegionTime>& times() {
        NTPGEO_CHECK(std::exchange(failed_, cudaSuccess));
        device_.synchronise();
        if (!open_.empty()) return times_;
        for (std::size_t at = 0; at < used_; ++at) {
            RegionTime& time = times_[static_cast<std::size_t>(spans_[at].region)];
            ++time.calls;
            time.seconds += spans_[at].begin.seconds_until(spans_[at].end);
        }
        used_ = 0;
        return times_;
    }

  private:
    struct Span {
        Region region = Region::step;
        TimedEvent begin, end;
    };

    void note(cudaError_t status) noexcept {
        if (failed_ == cudaSuccess) failed_ = status;
    }

    const Device& device_;
    std::vector<RegionTime> times_;
    std::vector<Span> spans_;  // those up to `used_` are of this measurement, the others' events are spare
    std::size_t used_ = 0;
    std::vector<std::size_t> open_;
    cudaError_t failed_ = cudaSuccess;  // the first status of an event
};

}  // namespace ntpgeo::device
