// The CPU's product of two short pieces of vectors, of which longer ones are made.
#pragma once

#include <cstdint>

namespace ntpgeo {

/// ⟨a, b⟩ in double, as eight independent sums, so that the order is fixed and the loop still vectorises.
template <class T>
double block_product(const T* a, const T* b, std::int64_t size) {
    double sums[8] = {};
    std::int64_t i = 0;
    for (; i + 8 <= size; i += 8)
        for (int lane = 0; lane < 8; ++lane) sums[lane] += static_cast<double>(a[i + lane]) * b[i + lane];
    for (; i < size; ++i) sums[0] += static_cast<double>(a[i]) * b[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace ntpgeo
