// The CUDA twins of vectors.hpp: the same formulas in the same arithmetic (no contraction), so that all but
// the sums and the normals have the CPU's bits. Everything is queued on the device's stream; only `dot`
// waits. Vectors may start at any element; sizes may be 0.
#pragma once

#include "kernels/device/device.cuh"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo::vectors_cuda {

/// Differs from the CPU's by what log and cos differ (an ulp or two).
void fill_normal(device::Device& device, Vector x, std::uint64_t seed, std::uint64_t stream, double scale);
void fill_zero(device::Device& device, Vector x);
void copy(device::Device& device, Vector from, Vector to);
/// ⟨x, y⟩ in double. The order of the sum follows from the size alone: neither the GPU nor the alignment
/// changes the bits.
double dot(device::Device& device, Vector x, Vector y);
void axpy(device::Device& device, double a, Vector x, Vector y);
void scale(device::Device& device, double a, Vector x);

}  // namespace ntpgeo::vectors_cuda
