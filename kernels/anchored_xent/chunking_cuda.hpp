// How many contexts share one block of logits on a GPU. It follows from the sizes and from the number of
// multiprocessors, never from what memory happens to be free, so that the bits stay the same on one device.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ntpgeo::anchored_xent {

/// A multiple of 256 contexts within a budget of 4 GiB for the logits and their exponentials (`context_bytes`
/// for one context), at most 16384. Among those in the upper half of that range, the one whose product
/// dH [chunk, dim], in tiles of 128×256, leaves the fewest multiprocessors idle in its last wave; the larger
/// of equals. Never more than `contexts`.
inline std::int64_t choose_chunk_cuda(std::int64_t contexts, std::int64_t padded_dim,
                                      std::int64_t context_bytes, std::int64_t multiprocessors) {
    constexpr std::int64_t budget = std::int64_t{4} << 30, step = 256, most = 16384;
    const std::int64_t steps = std::clamp<std::int64_t>(budget / (context_bytes * step), 1, most / step);
    const std::int64_t columns = (padded_dim + 255) / 256;
    std::int64_t best = steps;
    double best_use = 0;
    for (std::int64_t candidate = steps; candidate >= (steps + 1) / 2; --candidate) {
        const std::int64_t tiles = candidate * (step / 128) * columns;
        const std::int64_t waves = (tiles + multiprocessors - 1) / multiprocessors;
        const double use = static_cast<double>(tiles) / static_cast<double>(waves * multiprocessors);
        if (use > best_use * 1.001) {
            best = candidate;
            best_use = use;
        }
    }
    return std::min(contexts, best * step);
}

}  // namespace ntpgeo::anchored_xent
