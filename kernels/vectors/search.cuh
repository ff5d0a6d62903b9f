// Bisection in device memory.
#pragma once

#include <cstdint>
#include <port.cuh>

namespace ntpgeo::device {

/// Where `value` stands among the strictly ascending `sorted` [size]; −1 where it does not.
__device__ inline std::int64_t position(const std::int32_t* sorted, std::int64_t size, std::int64_t value) {
    std::int64_t low = 0, high = size;
    while (low < high) {
        const std::int64_t middle = (low + high) / 2;
        if (sorted[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < size && sorted[low] == value ? low : -1;
}

}  // namespace ntpgeo::device
