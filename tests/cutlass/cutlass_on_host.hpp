// CUTLASS's device code as C++ over the emulated device. Included before anything of CUTLASS.
#pragma once

#include <port.cuh>

// Kernels of CUTLASS that nobody launches here declare shared memory in the vendor's way.
#undef __shared__
#define __shared__

// What CUTLASS concludes from nvcc's version.
#define CUTLASS_SM90_COLLECTIVE_BUILDER_SUPPORTED

inline bool __shfl_sync(unsigned mask, bool value, int lane) {
    return __shfl_sync(mask, static_cast<int>(value), lane) != 0;
}

// Outside of nvcc a thread's place in its warp is always 0; here it has one.
#define canonical_lane_idx canonical_lane_idx_without_threads
#include <cutlass/cutlass.h>
#undef canonical_lane_idx
namespace cutlass {
inline int canonical_lane_idx() {
    return static_cast<int>(threadIdx.x % NumThreadsPerWarp);
}
}  // namespace cutlass
