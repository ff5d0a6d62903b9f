// The CUDA twins of update.hpp: the same formulas in the same arithmetic (no contraction), so that all but
// the sums and the normals have the CPU's bits. Everything is queued on the device's stream; only `dot`
// waits. Vectors may start at any element; sizes may be 0.
#pragma once

#include "kernels/device/device.cuh"
#include "kernels/update/update.hpp"

namespace ntpgeo::update_cuda {

/// Differs from the CPU's by what log and cos differ (an ulp or two).
void fill_normal(device::Device& device, Vector x, std::uint64_t seed, std::uint64_t stream, double scale);
void fill_zero(device::Device& device, Vector x);
void copy(device::Device& device, Vector from, Vector to);
/// ⟨x, y⟩ in double. The order of the sum follows from the size alone: neither the GPU nor the alignment
/// changes the bits.
double dot(device::Device& device, Vector x, Vector y);
void axpy(device::Device& device, double a, Vector x, Vector y);
void scale(device::Device& device, double a, Vector x);
// Each of them rounds W's new values for the coming products in the same pass, where there is an operand.
void descend(device::Device& device, double rate, Vector gradient, const Parameters& parameters);
void heavy_ball(device::Device& device, double momentum, double rate, Vector gradient, Vector velocity,
                const Parameters& parameters);
void adam(device::Device& device, const AdamStep& step, Vector gradient, Vector first_moment,
          Vector second_moment, const Parameters& parameters);

}  // namespace ntpgeo::update_cuda
