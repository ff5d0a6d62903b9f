#include "tests/profile/cost_model.hpp"

#include <algorithm>

#include "kernels/base/status.hpp"
#include "kernels/device/waves.hpp"
#include "kernels/svd/cost_cuda.hpp"

namespace ntpgeo::profile {
namespace {

using device::Machine;
using emulated_device::KernelLaunch;
using emulated_device::LibraryCall;
using emulated_device::Traffic;
using emulated_device::Work;

// Small data that was written a moment ago is still in the cache.
constexpr double cache_share = 0.8;

double bytes_seconds(double bytes, const Machine& machine) {
    return bytes <= cache_share * machine.cache_bytes
               ? bytes / machine.cache_bandwidth
               : bytes / (machine.memory_bandwidth * device::attained_memory);
}

double rate_of(const std::string& type, const Machine& machine) {
    const double peak = type == "fp64"   ? machine.fp64
                        : type == "fp32" ? machine.fp32
                        : type == "tf32" ? machine.tf32
                                         : machine.bf16;
    return peak * device::attained_products;
}

double element_bytes(const std::string& type) {
    return type == "fp64" ? 8 : type == "bf16" ? 2 : 4;
}

/// C [m, n] over k; `share` of it is made (half of a symmetric one).
double product_seconds(const LibraryCall& call, double share, const Machine& machine) {
    constexpr std::int64_t most_splits = 32;
    const double bytes =
        element_bytes(call.type) * static_cast<double>(call.m * call.k + call.k * call.n + call.m * call.n);
    const device::Waves waves =
        device::fastest_waves(call.m, call.n, std::max<std::int64_t>(call.k, 1), machine.multiprocessors,
                              rate_of(call.type, machine), most_splits);
    return static_cast<double>(call.batch) *
           std::max({share * waves.seconds, bytes_seconds(bytes, machine), device::seconds_a_wave});
}

double decomposition_seconds(const LibraryCall& call, std::int64_t rows, std::int64_t columns, double cubes,
                             const Machine& machine) {
    return svd_cuda::decomposition_seconds(machine, call.type == "fp64" ? Real::fp64 : Real::fp32, rows,
                                           columns, cubes);
}

/// Adds what runs on the device, where nothing follows within less than `least` seconds.
void add_work(const Work& work, double least, const std::map<KernelLaunch, Traffic>& traffic,
              const Machine& machine, Prediction& prediction) {
    for (const auto& [launch, count] : work.launches) {
        const auto known = traffic.find(launch);
        const double bytes =
            known == traffic.end()
                ? 0.0
                : static_cast<double>(known->second.bytes_read + known->second.bytes_written) /
                      static_cast<double>(known->second.launches);
        prediction.kernels +=
            static_cast<double>(count) * std::max(least, kernel_seconds(launch, bytes, machine));
    }
    // Copies within the device and memsets are launches without traffic above.
    prediction.kernels += bytes_seconds(2 * static_cast<double>(work.bytes_within), machine);
    for (const auto& [call, count] : work.calls)
        prediction.calls += static_cast<double>(count) * std::max(least, call_seconds(call, machine));
    prediction.copies += static_cast<double>(work.copies_up + work.copies_down) * device::seconds_a_copy +
                         static_cast<double>(work.bytes_up + work.bytes_down) /
                             (machine.host_bandwidth * device::attained_host);
}

}  // namespace

double kernel_seconds(const KernelLaunch& launch, double bytes, const Machine& machine) {
    constexpr std::int64_t resident_threads = 2048, resident_blocks = 32;
    const std::int64_t a_multiprocessor =
        launch.threads == 0 ? resident_blocks
                            : std::clamp<std::int64_t>(resident_threads / launch.threads, 1, resident_blocks);
    const std::int64_t waves = device::whole_parts(launch.blocks, a_multiprocessor * machine.multiprocessors);
    return std::max(bytes_seconds(bytes, machine), static_cast<double>(waves) * device::seconds_a_wave);
}

double call_seconds(const LibraryCall& call, const Machine& machine) {
    const auto is = [&](const char* name) { return call.routine.find(name) != std::string::npos; };
    const auto m = static_cast<double>(call.m), n = static_cast<double>(call.n);
    if (is("gemm") || is("Gemm")) return product_seconds(call, 1, machine);
    if (is("syrk")) return product_seconds(call, 0.5, machine);
    if (is("geam"))
        return std::max(bytes_seconds(3 * m * n * element_bytes(call.type), machine), device::seconds_a_wave);
    if (is("syevd"))
        return svd_cuda::symmetric_seconds(machine, call.type == "fp64" ? Real::fp64 : Real::fp32, call.n);
    if (is("gesvd")) return 2 * decomposition_seconds(call, call.m, call.n, 4, machine);
    if (is("geqrf") || is("orgqr")) return decomposition_seconds(call, call.m, call.n, 2, machine);
    if (is("potrf")) return decomposition_seconds(call, call.n, call.n, 1.0 / 3, machine);
    if (is("dot") || is("nrm2") || is("axpy") || is("scal"))
        return std::max(bytes_seconds(3 * m * element_bytes(call.type), machine), device::seconds_a_wave);
    throw Failure("the cost model has no model of " + call.routine);
}

Prediction predict(const Profile& profile, const Machine& machine) {
    Prediction prediction;
    for (const auto& [region, counts] : profile.regions) {
        add_work(counts.direct, device::seconds_a_launch, profile.traffic, machine, prediction);
        add_work(counts.in_graphs, device::seconds_a_node, profile.traffic, machine, prediction);
        prediction.waits += static_cast<double>(counts.graph_launches) * device::seconds_a_graph_launch +
                            static_cast<double>(counts.synchronisations) * device::seconds_a_synchronisation;
        prediction.memory += static_cast<double>(counts.allocations) * device::seconds_an_allocation;
    }
    return prediction;
}

}  // namespace ntpgeo::profile
