// A record that the first rank makes while the others wait for it, and may leave.
#pragma once

#include <exception>
#include <functional>

#include "kernels/team/first_rank.hpp"

namespace ntpgeo {

/// What a callback between a record's parts throws to leave it where other ranks wait.
struct RecordLeft : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return "the record was left"; }
};

/// The first rank makes a record. Where RecordLeft leaves it, it is thrown on all ranks; what else is thrown
/// is EndedElsewhere on the others.
inline void record_at_first(Team& team, const std::function<void()>& make) {
    constexpr int left = 2;
    const int ended = first_rank_does(team, make, [] {
        try {
            throw;
        } catch (const RecordLeft&) {
            return left;
        } catch (...) {
            return 1;
        }
    });
    if (ended == left) throw RecordLeft();
    if (ended != 0) throw EndedElsewhere(ended);
}

}  // namespace ntpgeo
