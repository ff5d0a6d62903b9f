// What a profile would take on hardware: bytes, flops, waves and launches by the figures of
// kernels/device/machines.hpp. A prediction, which gpu-check can be held against.
#pragma once

#include "kernels/device/machines.hpp"
#include "tests/profile/cases.hpp"

namespace ntpgeo::profile {

/// Seconds of all iterations of a profile. One stream: what it is asked for runs in turn, each kernel at
/// least as long as the next one takes to follow it.
struct Prediction {
    double kernels = 0;  ///< copies within the device too
    double calls = 0;    ///< of libraries
    double copies = 0;   ///< between host and device
    double waits = 0;    ///< launches of graphs, synchronisations
    double memory = 0;   ///< allocations

    [[nodiscard]] double seconds() const { return kernels + calls + copies + waits + memory; }
};

Prediction predict(const Profile& profile, const device::Machine& machine);

/// A kernel alone: its bytes once through the cache or the memory, and its waves of blocks.
double kernel_seconds(const emulated_device::KernelLaunch& launch, double bytes,
                      const device::Machine& machine);

/// A call alone. Products by tiles and waves, decompositions by their columns' latency, their matrix's way
/// through memory and their flops, vectors by bytes. Throws Failure for a routine that it has no model of.
double call_seconds(const emulated_device::LibraryCall& call, const device::Machine& machine);

}  // namespace ntpgeo::profile
