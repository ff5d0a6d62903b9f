// What the figures of kernels/device/machines.hpp predict for a case, beside what it took. Nothing is
// predicted for a GPU that is not among them.
#pragma once

#include <string>

#include "bench/cuda/cases.hpp"
#include "kernels/device/machines.hpp"

namespace ntpgeo::bench {

/// Predicts as for a machine of this name instead of the GPU's own. Throws InputError, naming those that
/// there are, for another one.
void predict_for(const std::string& name);

/// What the predictions are for; null where nothing is known of this GPU.
const device::Machine* predicted_machine();

/// Puts `predicted_ms` and `over_predicted`, the time over the predicted one, beside a case's time. Nothing
/// where `predicted` is 0.
void set_prediction(benchmark::State& state, double seconds, double predicted);

/// Seconds of a stream of so many bytes, of a product of so many flops in that arithmetic; 0 where nothing is
/// known.
double predicted_stream(double bytes);
double predicted_product(Precision precision, double flops);

}  // namespace ntpgeo::bench
