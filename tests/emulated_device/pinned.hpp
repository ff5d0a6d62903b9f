// Page-locked host memory: an ordinary allocation, poisoned, that kernels may use and asynchronous copies
// read late.
#pragma once

#include <cstddef>

namespace emulated_device {

/// Whether [start, start + bytes) lies in one live pinned allocation.
bool is_pinned(const void* start, std::size_t bytes);

}  // namespace emulated_device
