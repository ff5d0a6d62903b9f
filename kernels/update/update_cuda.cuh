// The CUDA twins of update.hpp: the same formulas in the same arithmetic (no contraction), so that they have
// the CPU's bits. Everything is queued on the device's stream. Vectors may start at any element; sizes may be
// 0.
#pragma once

#include "kernels/device/device.cuh"
#include "kernels/update/update.hpp"

namespace ntpgeo::update_cuda {

// Each of them rounds W's new values for the coming products in the same pass, where there is an operand.
void descend(device::Device& device, double rate, Vector gradient, const Parameters& parameters);
void heavy_ball(device::Device& device, double momentum, double rate, Vector gradient, Vector velocity,
                const Parameters& parameters);
void adam(device::Device& device, const AdamStep& step, Vector gradient, Vector first_moment,
          Vector second_moment, const Parameters& parameters);

}  // namespace ntpgeo::update_cuda
