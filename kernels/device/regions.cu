#include "kernels/device/regions.hpp"

#include <nvtx3/nvToolsExt.h>

#include "kernels/device/device.cuh"
#include "kernels/device/range.cuh"
#include "kernels/device/region_timer.cuh"

namespace ntpgeo::device {
namespace {

thread_local RegionTimer* timer = nullptr;

}  // namespace

void begin_range(Region region) {
    nvtxRangePushA(name_of(region));
    if (timer) timer->enter(region);
}

void end_range() noexcept {
    if (timer) timer->leave();
    nvtxRangePop();
}

bool is_measured() {
    return timer != nullptr;
}

}  // namespace ntpgeo::device

namespace ntpgeo {

CudaRegions::CudaRegions(device::Device& device) : device_(device) {}

CudaRegions::~CudaRegions() {
    if (timer_) device::timer = nullptr;
}

void CudaRegions::enter(Region region) {
    device::begin_range(region);
}

void CudaRegions::leave() noexcept {
    device::end_range();
}

void CudaRegions::measure(bool on) {
    if (timer_) device::timer = nullptr;
    timer_ = on ? std::make_unique<device::RegionTimer>(device_) : nullptr;
    if (on) device::timer = timer_.get();
}

std::vector<RegionTime> CudaRegions::measured() {
    return timer_ ? timer_->times() : std::vector<RegionTime>(region_count);
}

}  // namespace ntpgeo
