// The CUDA twins of columns.hpp: a block a row of the dense logits, in the formulas of the CPU. Rows are
// independent of each other, and what is summed over them is summed in a fixed order, so that a GPU always
// gives the same bits. No memory is taken but a few numbers a row.
#pragma once

#include "kernels/columns/columns.hpp"
#include "kernels/device/device.cuh"

namespace ntpgeo::columns_cuda {

/// Queued on the device's stream.
void project_margins(device::Device& device, const LabelsView& labels, const double* margins, Matrix y,
                     Matrix z, Matrix reflected);

void prox_gradient(device::Device& device, const LabelsView& labels, const double* scales, double rho,
                   Matrix y, Matrix x, Matrix gradient);

// These wait for their numbers.

MarginDual margin_dual(device::Device& device, const LabelsView& labels, const double* margins, double rho,
                       Matrix z, Matrix y, Matrix dual);
/// Uses `reflected` as its workspace: it must not share memory with y or x.
std::int64_t prox_cross_entropy(device::Device& device, const LabelsView& labels, const double* scales,
                                double rho, Matrix y, Matrix x, Matrix reflected);
ColumnLoss column_cross_entropy(device::Device& device, const LabelsView& labels, const double* scales,
                                Matrix x, Matrix gradient);
double polar_candidate(device::Device& device, const LabelsView& labels, double lambda, Matrix polar,
                       Matrix gradient);
DualEntropy dual_entropy(device::Device& device, const LabelsView& labels, const double* scales,
                         Matrix gradient, double t);

}  // namespace ntpgeo::columns_cuda
