// The CUDA twins of splitting.hpp: one pass over memory each, in the CPU's arithmetic (no contraction), so
// that all but the sums have its bits. Sums are made in an order that follows from the sizes alone. Sizes may
// be 0.
#pragma once

#include "kernels/device/device.cuh"
#include "kernels/splitting/splitting.hpp"

namespace ntpgeo::splitting_cuda {

/// Waits for its sum.
double splitting_step(device::Device& device, double relaxation, const SplittingStep& step);
/// Waits for its sums.
RowDots row_dots(device::Device& device, Matrix rows, std::int64_t row, Vector x);
void subtract_rows(device::Device& device, const std::vector<double>& coefficients, Matrix rows, Vector y);

}  // namespace ntpgeo::splitting_cuda
