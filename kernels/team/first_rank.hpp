// What one rank does, or has, for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/memory/memory.hpp"
#include "kernels/team/team.hpp"

namespace ntpgeo {

/// The rows of all ranks on the first one, `own` being this rank's and offsets [size+1] everybody's: as bytes
/// there, empty elsewhere. `own` is a backend's memory.
std::vector<std::byte> on_first_rank(Team& team, Memory& memory, const void* own, std::int64_t row_bytes,
                                     std::span<const std::int64_t> offsets);

/// The first rank does `work`, which calls no operation of the team, while the others wait, however long it
/// takes. What it throws is thrown on that rank. Returns what `status`, called while that is being handled,
/// makes of it, not 0, on the others; 0 where nothing was thrown.
int first_rank_does(Team& team, const std::function<void()>& work, const std::function<int()>& status);
/// The same where the others end by what the first has thrown: EndedElsewhere, with status 2 of an
/// InputError and 1 of anything else.
void first_rank_does(Team& team, const std::function<void()>& work);

}  // namespace ntpgeo
