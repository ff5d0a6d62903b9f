// What cuSOLVER's decompositions and the products that can take one's place cost by the figures of
// kernels/device/machines.hpp. A prediction, by which a singular value threshold chooses (design 4.2).
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/base/views.hpp"
#include "kernels/device/machines.hpp"
#include "kernels/device/waves.hpp"

namespace ntpgeo::svd_cuda {

constexpr double attained_rate(const device::Machine& machine, Real real) {
    return device::attained_products *
           device::products_rate(machine, real == Real::fp64 ? Precision::fp64 : Precision::fp32);
}

/// Seconds of a decomposition: column by column, each over all that is left of the matrix; then `cubes`·n³
/// flops in products, n = `columns`.
constexpr double decomposition_seconds(const device::Machine& machine, Real real, std::int64_t rows,
                                       std::int64_t columns, double cubes) {
    const auto m = static_cast<double>(rows), n = static_cast<double>(columns);
    const double passes = m * n * n * static_cast<double>(bytes_of(real)) / 3;
    return n * device::seconds_a_column + passes / (machine.memory_bandwidth * device::attained_memory) +
           cubes * n * n * n / attained_rate(machine, real);
}
/// Of a symmetric eigenvalue decomposition [n, n] with its vectors.
constexpr double symmetric_seconds(const device::Machine& machine, Real real, std::int64_t n) {
    return decomposition_seconds(machine, real, n, n, 4);
}

/// Seconds of `products` products [n, n], one after the other, each with a kernel that prepares what it is
/// added to.
constexpr double products_seconds(const device::Machine& machine, Real real, std::int64_t n,
                                  std::int64_t products) {
    const double memory = machine.memory_bandwidth * device::attained_memory,
                 element = static_cast<double>(bytes_of(real));
    const device::Waves waves = device::fastest_with_splits(n, n, n, element, machine.multiprocessors,
                                                            attained_rate(machine, real), memory);
    const double square = static_cast<double>(n) * static_cast<double>(n) * element;
    return static_cast<double>(products) * (std::max(waves.seconds, device::seconds_a_launch) +
                                            std::max(square / memory, device::seconds_a_launch));
}

}  // namespace ntpgeo::svd_cuda
