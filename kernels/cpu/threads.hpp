// When a loop is worth waking OpenMP's threads for.
#pragma once

#include <cstdint>

namespace ntpgeo {

/// Below this many elements a loop takes less time than a team of threads needs to start and meet
/// again; on a busy machine the waiting costs whole time slices. The bits do not depend on it.
/// (Loops that call OpenBLAS keep their region unless the product is below OpenBLAS's own threshold for
/// threads, 2^18.)
inline constexpr std::int64_t worth_a_team = std::int64_t{1} << 15;

}  // namespace ntpgeo
