// The loss step of anchored_xent.hpp on a GPU.
#pragma once

#include <memory>

#include "kernels/anchored_xent/anchored_xent.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// A loss step on `device`, which must outlive it, with labels in its memory.
std::unique_ptr<LossStep> make_loss_step_cuda(device::Device& device, const LabelsView& labels,
                                              const LossPlan& plan);

}  // namespace ntpgeo
