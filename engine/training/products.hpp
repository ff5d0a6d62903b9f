// What a run multiplies in, where it leaves that open (`precision` auto, `kernel` auto).
#pragma once

#include "engine/data/dataset.hpp"
#include "engine/training/settings.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// The cheapest products that a stage bears, of those the backend supports; `size` is V·m·d.
///   CPU: fp64 where a step is quick all the same (size ≤ 1e9) and for lbfgs with a ridge, else fp32.
///   GPU: fp64 for lbfgs, whose line search feels every rounding; fp32 with λ > 0, where the gradient
///   vanishes by cancellation; else bf16, which the anchored gradient carries to the geometric limit of a
///   model that interpolates. Whether d is large enough for that cannot be told beforehand.
Precision choose_precision(const Stage& stage, double size, const Backend& backend);

/// Chooses for the stages that left it open, by the contexts of an update; of the kernels, plain. Throws
/// InputError where a stage asks for a precision or a kernel that the device does not have, or for a batch of
/// more contexts than there are.
void resolve_products(TrainingSettings& training, const Dataset& dataset, const Backend& backend);

}  // namespace ntpgeo
