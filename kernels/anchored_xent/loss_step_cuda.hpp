// The CUDA twin of anchored_xent_cpu.cpp.
#pragma once

#include <memory>
#include <string>

#include "kernels/anchored_xent/anchored_xent.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// A loss step on `device`, which must outlive it; the labels' arrays lie in its memory. All five GEMM
/// precisions. Everything is allocated here: `run` allocates nothing, waits once at its end for the sums, and
/// from its third call with the same addresses on is one graph launch. Throws OutOfDeviceMemory, and
/// InputError where the device has not the plan's kernel.
std::unique_ptr<LossStep> make_loss_step_cuda(device::Device& device, const LabelsView& labels,
                                              const LossPlan& plan);

/// Why this device has no such kernel: one clause without a full stop, empty where it has.
std::string why_not_loss_kernel_cuda(LossKernel kernel, Precision precision);

/// Bytes and chunk of the same, taking nothing. Waits for the stream.
LossStepSize loss_step_size_cuda(device::Device& device, const LabelsView& labels, const LossPlan& plan);

}  // namespace ntpgeo
