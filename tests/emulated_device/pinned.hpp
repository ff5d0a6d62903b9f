// Page-locked host memory: an ordinary allocation, poisoned, that kernels may use and asynchronous copies
// read late.
#pragma once

#include <cstddef>

namespace emulated_device {

/// Whether [start, start + bytes) lies in one live pinned allocation.
bool is_pinned(const void* start, std::size_t bytes);

/// A kernel has been given this pinned allocation; whether one has been given the allocation around
/// `address`.
void note_use_by_kernel(const void* address);
bool used_by_kernels(const void* address);

}  // namespace emulated_device
