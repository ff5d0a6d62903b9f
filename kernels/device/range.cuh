// A region (regions.hpp) inside a CUDA source, as an NVTX range.
#pragma once

#include <nvtx3/nvToolsExt.h>

#include "kernels/device/regions.hpp"

namespace ntpgeo::device {

/// As long as this lives. What a graph records is in the range while it is recorded, not when it is launched.
class Range {
  public:
    explicit Range(Region region) { nvtxRangePushA(name_of(region)); }
    Range(const Range&) = delete;
    Range& operator=(const Range&) = delete;
    ~Range() { nvtxRangePop(); }
};

}  // namespace ntpgeo::device
