// Devices as the command line and the files name them: auto, cpu, cuda[:i].
#pragma once

#include <memory>
#include <string>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// The device that a name stands for on this machine: "cpu" or "cuda:i". `auto` is the first GPU where there
/// is one and the CPU otherwise, `cuda` the first GPU. Throws InputError for an unknown name and where there
/// is no such GPU, saying why.
std::string resolve_device(const std::string& name);

/// The backend that a resolved name stands for.
std::unique_ptr<Backend> make_backend(const std::string& device);

}  // namespace ntpgeo
