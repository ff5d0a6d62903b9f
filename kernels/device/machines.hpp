// What GPUs can do, each figure with its source: what predictions are made of. Plain C++; nothing of this was
// measured here.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/base/views.hpp"

namespace ntpgeo::device {

/// The maker's figures: dense products (no structured sparsity) on tensor cores, in flops a second, bytes and
/// bytes a second.
struct Machine {
    std::string_view name;
    std::int64_t multiprocessors;
    double fp64, fp32, tf32, bf16;
    double memory_bandwidth;
    double cache_bytes;         ///< L2
    double cache_bandwidth;     ///< of reads from L2, as others have measured it
    double host_bandwidth;      ///< PCIe x16, one way
    std::string_view reported;  ///< its name as the runtime has it
};

inline constexpr Machine machines[] = {
    // NVIDIA H100 Tensor Core GPU Architecture (white paper, v1.04), table "H100 SXM5"; its data sheet for
    // the
    // memory's 3.35 TB/s. L2: Chips and Cheese, "Nvidia's H100: Funny L2, and Tons of Bandwidth". PCIe 5.0.
    {"H100", 132, 66.9e12, 66.9e12, 494.7e12, 989.4e12, 3.35e12, 50e6, 5.5e12, 64e9, "NVIDIA H100 80GB HBM3"},
    // NVIDIA H200 Tensor Core GPU data sheet: the H100's processors, 4.8 TB/s. PCIe 5.0.
    {"H200", 132, 66.9e12, 66.9e12, 494.7e12, 989.4e12, 4.8e12, 50e6, 5.5e12, 64e9, "NVIDIA H200"},
    // NVIDIA A100 80GB SXM data sheet; the white paper's 40 MB of L2, whose 5120 bytes a clock at 1.41 GHz
    // are
    // 7.2 TB/s at most; two thirds of that taken. PCIe 4.0.
    {"A100", 108, 19.5e12, 19.5e12, 156e12, 312e12, 2.039e12, 40e6, 4.8e12, 32e9, "NVIDIA A100-SXM4-80GB"},
};

/// A device by its name as the driver has it, with its own multiprocessors and cache; one that the table does
/// not name, in any of its forms, is taken for an H100 of that size.
constexpr Machine machine_like(std::string_view name, std::int64_t multiprocessors, double cache_bytes) {
    Machine like = machines[0];
    for (const Machine& machine : machines)
        if (name.find(machine.name) != std::string_view::npos) like = machine;
    const double part = static_cast<double>(multiprocessors) / static_cast<double>(like.multiprocessors);
    for (double* const rate : {&like.fp64, &like.fp32, &like.tf32, &like.bf16}) *rate *= part;
    like.multiprocessors = multiprocessors;
    like.cache_bytes = cache_bytes;
    return like;
}

/// The machine of that name; null where it is none of these.
constexpr const Machine* find_machine(std::string_view reported) {
    for (const Machine& machine : machines)
        if (machine.reported == reported) return &machine;
    return nullptr;
}

/// Flops a second that products in `precision` come to at best; of bf16x3 a third of bf16's, for it makes
/// three for each.
constexpr double products_rate(const Machine& machine, Precision precision) {
    switch (precision) {
        case Precision::bf16:
            return machine.bf16;
        case Precision::bf16x3:
            return machine.bf16 / 3;
        case Precision::tf32:
            return machine.tf32;
        case Precision::fp32:
            return machine.fp32;
        case Precision::fp64:
            return machine.fp64;
    }
    return 0;
}

/// Shares of the maker's figures that good code reaches. Assumed until gpu-check has measured them: 790 of an
/// H100's 989 TFLOP/s in large bf16 products of cuBLAS, 90 % of the memory's bandwidth in streaming kernels,
/// 85 % of PCIe's with page-locked memory.
inline constexpr double attained_products = 0.80, attained_memory = 0.90, attained_host = 0.85;

/// Seconds that requests take beside their work.
/// A kernel after a kernel in a stream, and in a graph; what a graph's launch takes of the host: the CUDA.jl
/// manual, "Graphs", where 80 small kernels take 260 µs from a stream, and 70 µs as a graph of which 3.5 µs
/// are the host's.
inline constexpr double seconds_a_launch = 260e-6 / 80, seconds_a_node = 70e-6 / 80,
                        seconds_a_graph_launch = 3.5e-6;
/// Assumed: a wait of the host leaves the device idle for its return and the next launch; a copy takes its
/// latency; cudaMalloc with its cudaFree wait for the device and map memory.
inline constexpr double seconds_a_synchronisation = 10e-6, seconds_a_copy = 8e-6,
                        seconds_an_allocation = 100e-6;
/// A wave of blocks that do next to nothing; assumed.
inline constexpr double seconds_a_wave = 1e-6;
/// A column of cuSOLVER's symmetric eigenvalue decomposition while it is bound by its steps' latency:
/// pytorch/pytorch#175585, where n = 128 in fp64 takes 580 ms for 128 matrices one after the other (an RTX
/// 4080, driver and libraries of CUDA 12.6). Taken for the columns of its other decompositions too.
inline constexpr double seconds_a_column = 580e-3 / 128 / 128;

}  // namespace ntpgeo::device
