// A region (regions.hpp) inside a CUDA source: an NVTX range, with its times where somebody measures.
#pragma once

#include "kernels/device/regions.hpp"

namespace ntpgeo::device {

/// Of the calling thread.
void begin_range(Region region);
void end_range() noexcept;
/// Whether regions are measured: work is then queued piece by piece, not as a graph.
bool is_measured();

/// As long as this lives. What a graph records is in the range while it is recorded, not when it is launched.
class Range {
  public:
    explicit Range(Region region) { begin_range(region); }
    Range(const Range&) = delete;
    Range& operator=(const Range&) = delete;
    ~Range() { end_range(); }
};

}  // namespace ntpgeo::device
