// How much device memory kernels touch: while it is measured, the pages of the arena are closed before each
// kernel, and its first access to each opens it.
#pragma once

#include "counts.hpp"

namespace emulated_device {

/// Measures one kernel's grid as long as it lives, where measuring is switched on (counts.hpp).
class TrafficMeter {
  public:
    explicit TrafficMeter(const KernelLaunch& launch);
    TrafficMeter(const TrafficMeter&) = delete;
    TrafficMeter& operator=(const TrafficMeter&) = delete;
    ~TrafficMeter();

    /// What a signal of an access calls: opens the page. False where nothing is measured or no live memory is
    /// there.
    static bool note_access(void* address, bool is_write);

  private:
    KernelLaunch launch_;
    bool measures_;
};

}  // namespace emulated_device
