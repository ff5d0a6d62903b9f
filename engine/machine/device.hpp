// Devices as settings name them: auto, cpu, cuda[:i].
#pragma once

#include <memory>
#include <string>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// The device that a name stands for on this machine: "cpu" or "cuda:i". `auto` is the first GPU where there
/// is one and the CPU otherwise, `cuda` the first GPU. Throws InputError for an unknown name and where there
/// is no such GPU, saying why.
std::string resolve_device(const std::string& name);

/// The backend that a resolved name stands for. The first of a process settles how many threads the CPU's
/// loops get (settle_team). Throws InputError where it is a GPU and the environment would change its
/// arithmetic, naming the variable.
std::unique_ptr<Backend> make_backend(const std::string& device);
/// The same for a caller's loss calls, each of which brings its own stream.
std::unique_ptr<Backend> make_callers_backend(const std::string& device);

}  // namespace ntpgeo
