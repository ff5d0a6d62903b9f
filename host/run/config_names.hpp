// Enumerations as the command line and the files spell them. The parsers throw InputError listing the right
// names.
#pragma once

#include <string>

#include "engine/training/settings.hpp"

namespace ntpgeo {

std::string name_of(OptimizerKind kind);
std::string name_of(RateSchedule schedule);
std::string name_of(Precision precision);
std::string name_of(Real real);
std::string name_of(Frozen frozen);
std::string name_of(LossKernel kernel);

OptimizerKind parse_optimizer(const std::string& name);
RateSchedule parse_schedule(const std::string& name);
Precision parse_precision(const std::string& name);
Frozen parse_frozen(const std::string& name);
LossKernel parse_kernel(const std::string& name);
Real parse_master(const std::string& name);
/// "fp64" (true) or "same" (false).
bool parse_metrics_precision(const std::string& name);

}  // namespace ntpgeo
