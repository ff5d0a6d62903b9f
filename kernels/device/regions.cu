#include "kernels/device/regions.hpp"

#include <nvtx3/nvToolsExt.h>

namespace ntpgeo {

void CudaRegions::enter(Region region) {
    nvtxRangePushA(name_of(region));
}

void CudaRegions::leave() noexcept {
    nvtxRangePop();
}

}  // namespace ntpgeo
