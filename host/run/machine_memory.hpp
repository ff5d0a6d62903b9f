// How much memory a run may count on.
#pragma once

#include <cstdint>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// Bytes that are free on the backend's device. On the CPU, what Linux estimates it can give without swapping
/// (/proc/meminfo), and no more than a control group leaves.
std::int64_t available_memory(const Backend& backend);

}  // namespace ntpgeo
