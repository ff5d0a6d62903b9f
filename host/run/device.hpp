// Devices as the command line and the files name them (auto, cpu, cuda[:i]), what a run multiplies in on
// them, and how much memory they have to give.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/data/dataset.hpp"
#include "engine/training/settings.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// The device that a name stands for on this machine: "cpu" or "cuda:i". `auto` is the first GPU where there
/// is one and the CPU otherwise, `cuda` the first GPU. Throws InputError for an unknown name and where there
/// is no such GPU, saying why.
std::string resolve_device(const std::string& name);

/// V·K·min(V, K) up to which `auto` leaves an exact solver over K classes of V words to the CPU: a GPU's
/// eigenvalue decompositions are bound by their columns' latency. Predicted at 35 µs a column, a step of 128
/// words over 3,000 classes takes a GPU 4.5 ms and two cores about as long.
inline constexpr double exact_on_gpu_from = 5e7;
bool exact_suits_cpu(std::int64_t classes, std::int64_t vocab);

/// The backend that a resolved name stands for. Throws InputError where it is a GPU and the environment would
/// change its arithmetic, naming the variable.
std::unique_ptr<Backend> make_backend(const std::string& device);

/// The cheapest products that a stage bears, of those the backend supports; `size` is V·m·d.
///   CPU: fp64 where a step is quick all the same (size ≤ 1e9) and for lbfgs with a ridge, else fp32.
///   GPU: fp64 for lbfgs, whose line search feels every rounding; fp32 with λ > 0, where the gradient
///   vanishes by cancellation; else bf16, which the anchored gradient carries to the geometric limit of a
///   model that interpolates. Whether d is large enough for that cannot be told beforehand.
Precision choose_precision(const Stage& stage, double size, const Backend& backend);

/// Chooses for the stages that left it open; of the kernels, plain. Throws InputError where a stage asks for
/// a precision or a kernel that the device does not have.
void resolve_products(TrainingSettings& training, const Dataset& dataset, const Backend& backend);

/// Bytes that are free on the backend's device. On the CPU, what Linux estimates it can give without swapping
/// (/proc/meminfo), and no more than a control group leaves.
std::int64_t available_memory(const Backend& backend);

/// Throws InputError where the backend lacks the memory, saying what is needed and what is free.
void require_memory(Backend& backend, std::int64_t bytes, const std::string& what);

/// Throws InputError where the device decomposes no symmetric matrix of n rows, saying what it does and what
/// to do. An exact solver over K classes of V words decomposes n = min(K, V).
void require_decomposable(const Backend& backend, std::int64_t n, const std::string& what);

}  // namespace ntpgeo
