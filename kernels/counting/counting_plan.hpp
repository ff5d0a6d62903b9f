// What counting takes, known before it begins.
#pragma once

#include <cstdint>

#include "kernels/counting/counting.hpp"

namespace ntpgeo {

/// What counting by the CPU takes, but for the rows that are kept.
struct CountingPlan {
    std::int64_t key_bytes = 0;  ///< of a window; 0: windows go through a hash table
    std::int64_t runs = 1;       ///< that are sorted one after the other
    std::int64_t memory = 0;     ///< bytes at most
    std::int64_t scratch = 0;    ///< bytes at most, where one run does not hold all
};

/// Of so many tokens, known beforehand. Throws TooLittleMemory as counting does then.
CountingPlan plan_counting(std::int64_t tokens, std::int64_t vocab_size, const WindowOptions& options);

}  // namespace ntpgeo
