// The devices that EMULATED_DEVICE_COUNT asks for, and what they refuse. They share one memory.
#pragma once

#include <cuda_runtime_api.h>

#include "settings.hpp"

namespace emulated_device {

inline bool no_device() {
    return settings().devices == 0;
}

/// The calling thread's.
int selected_device();

/// Why the device does not answer this call, which counts as one; cudaSuccess where it does.
cudaError_t why_unusable();

/// Whether it has a piece of memory left for this call, which counts as one.
bool grants_allocation();

}  // namespace emulated_device
