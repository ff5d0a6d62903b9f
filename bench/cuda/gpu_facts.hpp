// What the benches ask of the GPU that is no work to be timed. No CUDA header is needed to use it.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/views.hpp"

namespace ntpgeo::bench {

/// ‖gradient − reference‖² and ‖reference‖² of two vectors on the GPU, the reference in fp64.
struct SquaredDifference {
    double difference = 0, reference = 0;
};
SquaredDifference squared_difference(Vector gradient, Vector reference);

/// GPU 0 and what drives it.
struct GpuFacts {
    std::string name;
    int compute_capability = 0;  ///< 90 for 9.0
    int multiprocessors = 0;
    int driver_cuda = 0, runtime = 0, cublas = 0;  ///< 13000 for CUDA 13.0; cuBLAS's own numbering
    std::int64_t memory = 0;                       ///< bytes
};
GpuFacts gpu_facts();
std::int64_t free_gpu_memory();  ///< bytes

}  // namespace ntpgeo::bench
