// The devices that EMULATED_DEVICE_COUNT asks for. They share one memory.
#pragma once

#include "settings.hpp"

namespace emulated_device {

inline bool no_device() {
    return settings().devices == 0;
}

}  // namespace emulated_device
