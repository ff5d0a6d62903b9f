// What the bodies of limit and path have in common on ranks.
#pragma once

#include <fmt/format.h>

#include <string>

#include "engine/exact/splitting.hpp"
#include "engine/runs/exact.hpp"
#include "host/ranks/shares.hpp"
#include "host/run/runs.hpp"

namespace ntpgeo {

/// Refuses what has no room, on all ranks alike. Of many, each one's share is not known to have none: a bound
/// for one rank would refuse what fits.
inline void require_exact_room(ExactProblem problem, const ExactRun& run, const Ranks& ranks) {
    ranks.at_first([&] {
        if (ranks.size() == 1)
            require_room(problem, *run.backend, run.dataset, run.config.shards);
        else
            require_decomposable_rows(problem, *run.backend, run.dataset);
    });
}

/// Lets `body` do what ranks do alike: what is wrong with the input, or not finite, is so on all of them.
template <class Body>
auto ending_together(const Body& body) {
    try {
        return body();
    } catch (const InputError&) {
        Ranks::end_together();
        throw;
    } catch (const NotFinite&) {
        Ranks::end_together();
        throw;
    }
}

/// The end of a line of the log: by what the rows are shared, if at all.
inline std::string shards_text(std::int64_t shards, const Ranks& ranks, const std::string& device) {
    return shards == 0 ? "" : ", " + text_of_shards(shards, ranks, device);
}

}  // namespace ntpgeo
