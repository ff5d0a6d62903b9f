// How the emulator's entry points tell the counts (counts.hpp) what they were asked for.
#pragma once

#include <string>

#include "counts.hpp"

namespace emulated_device {

struct Operation;

/// What an operation is to the counts. Without more it is the launch of a kernel of its own name.
struct Request {
    enum class Kind { launch, library, up, down, within, nothing } kind = Kind::launch;
    KernelLaunch launch{};  ///< of a launch; its kernel's name may be empty: the operation's
    LibraryCall call{};
    std::int64_t bytes = 0;  ///< of a copy
    std::string region{};    ///< where it was made; filled in when it is queued
};

/// The region of the calling thread.
const std::string& current_region();

/// A queued operation; of a graph, each of its nodes in the region of its own.
void count(const Operation& operation);

/// One more in the region of the calling thread.
void count(std::int64_t Counts::*what);

}  // namespace emulated_device
