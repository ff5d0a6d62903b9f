// What share of its device a training uses.
#pragma once

#include <optional>
#include <string>

#include "engine/training/objective.hpp"
#include "engine/training/stage.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// What an update of a stage gets of the device's peak in its precision when it takes `seconds`: the flops of
/// its three products, 6·V·m·d, of two where a factor is frozen, over the time and the maker's figure. None
/// where that is not known (Backend::products_rate). A line search makes more of them than are counted.
std::optional<double> share_of_peak(const Backend& backend, const ModelShape& shape, const Stage& stage,
                                    double seconds);

/// "31 % of the peak in bf16, 3.1 GiB of 140.4 GiB in use", as far as it is known; "" on the CPU.
std::string words_of_use(const Backend& backend, const ModelShape& shape, const Stage& stage,
                         std::optional<double> seconds);

}  // namespace ntpgeo
