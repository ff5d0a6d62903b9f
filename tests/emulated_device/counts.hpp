// What a program has asked of the device since it began or since reset_counts: kernels, graphs, library
// calls, copies, waits and memory, by the region (NVTX range) that the host's thread was in. A request counts
// when it is made, whether it runs then or later; what a graph holds counts at each launch of it, in the
// region that it was recorded in.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace emulated_device {

/// A kernel with its grid.
struct KernelLaunch {
    std::string kernel;        ///< "namespace::kernel<int>"
    std::int64_t blocks = 0;   ///< of the whole grid; 0 where a library launches it
    std::int64_t threads = 0;  ///< a block

    friend auto operator<=>(const KernelLaunch&, const KernelLaunch&) = default;
};

/// A call of cuBLAS or cuSOLVER with its sizes, as the routine names them; 0 where it has no such size.
struct LibraryCall {
    std::string routine;  ///< "cublasGemmEx"
    std::string type;     ///< of the arithmetic: "fp64", "fp32", "tf32", "bf16"
    std::int64_t m = 0, n = 0, k = 0;
    std::int64_t batch = 1;

    friend auto operator<=>(const LibraryCall&, const LibraryCall&) = default;
};

/// What runs on the device. A copy within the device and a memset are launches too, "copy" and "set".
struct Work {
    std::map<KernelLaunch, std::int64_t> launches;
    std::map<LibraryCall, std::int64_t> calls;
    std::int64_t copies_up = 0, copies_down = 0;
    std::int64_t bytes_up = 0, bytes_down = 0;  ///< host to device, device to host
    std::int64_t bytes_within = 0;              ///< copied within the device, or set

    Work& operator+=(const Work& other);
    [[nodiscard]] std::int64_t all_launches() const;
    [[nodiscard]] std::int64_t launches_of(const std::string& kernel) const;
    [[nodiscard]] std::int64_t all_calls() const;
};

struct Counts {
    Work direct;     ///< queued by the host, one by one
    Work in_graphs;  ///< nodes of graphs that were launched
    std::int64_t graph_launches = 0, graph_nodes = 0;
    std::int64_t recordings = 0;          ///< graphs made ready to launch
    std::int64_t synchronisations = 0;    ///< waits of the host, of a copy without Async too
    std::int64_t pageable_downloads = 0;  ///< to memory that is not page-locked: hardware lets the host wait
    std::int64_t allocations = 0;         ///< of device and of page-locked memory; every one may wait
    std::int64_t frees = 0;               ///< of either

    Counts& operator+=(const Counts& other);
};

/// By the names of the ranges from the outermost on, "step/group"; "" outside of any.
using CountsByRegion = std::map<std::string, Counts>;

CountsByRegion counts_by_region();
/// The sum over all regions.
Counts counts();
void reset_counts();

/// Device memory that launches of one kernel and grid touched, in pages of 4 KiB, each once a launch: the
/// least that memory has to move. A page that is read before it is written counts as both.
struct Traffic {
    std::int64_t launches = 0, bytes_read = 0, bytes_written = 0;
};

/// Measures it from here on, or no longer; what had been measured is forgotten. It takes time: off at first.
void measure_traffic(bool on);
/// Of the kernels that have run, which waiting ones have not.
std::map<KernelLaunch, Traffic> kernel_traffic();

}  // namespace emulated_device
