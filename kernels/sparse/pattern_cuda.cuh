// The CUDA twins of pattern.hpp, fp64: a block a row of the result, sums in an order that follows from the
// pattern alone. Queued on the device's stream.
#pragma once

#include "kernels/device/device.cuh"
#include "kernels/sparse/pattern.hpp"

namespace ntpgeo::sparse_cuda {

void pattern_times(device::Device& device, const LabelsView& labels, const double* values, double alpha,
                   Matrix x, Matrix y);
void pattern_transposed_times(device::Device& device, const LabelsView& labels, const double* values,
                              double alpha, Matrix y, Matrix x);

}  // namespace ntpgeo::sparse_cuda
