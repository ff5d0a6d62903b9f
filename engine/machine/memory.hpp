// How much memory a device has to give, and what is refused where it has too little.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// "512 bytes", "1.5 MiB".
std::string bytes_text(std::int64_t bytes);

/// Bytes that are free on the backend's device. On the CPU, what Linux estimates it can give without swapping
/// (/proc/meminfo), and no more than a control group leaves.
std::int64_t available_memory(const Backend& backend);

/// Bytes that this process has in memory, now and at most so far; 0 where Linux does not say.
struct ResidentMemory {
    std::int64_t now, most;
};
ResidentMemory resident_memory();

/// Throws InputError where the backend lacks the memory, saying what is needed and what is free.
void require_memory(Backend& backend, std::int64_t bytes, const std::string& what);

/// Throws InputError where the device decomposes no symmetric matrix of n rows, saying what it does and what
/// to do. An exact solver over K classes of V words decomposes n = min(K, V).
void require_decomposable(const Backend& backend, std::int64_t n, const std::string& what);

}  // namespace ntpgeo
