// What of a CUDA loss step is planned on the host: how a GPU cuts the contexts into chunks that share one
// block of logits, and groups of chunks whose exponentials meet in one gradient product. It follows from the
// sizes and from the number of multiprocessors, never from what memory happens to be free, so that the bits
// stay the same on one device.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ntpgeo::anchored_xent {

struct ChunkingCuda {
    std::int64_t chunk = 0;  ///< contexts a block of logits
    std::int64_t group = 0;  ///< contexts a gradient product; a multiple of chunk, or all contexts
};

/// Contexts of one gradient product: a multiple of 256 within a budget of 4 GiB for the exponentials
/// (`exponential_bytes` for one context), at most 16384. Among those in the upper half of that range, the one
/// whose product dH [group, dim], in tiles of 128×256, leaves the fewest multiprocessors idle in its last
/// wave; the larger of equals.
inline std::int64_t choose_group_cuda(std::int64_t padded_dim, std::int64_t exponential_bytes,
                                      std::int64_t multiprocessors) {
    constexpr std::int64_t budget = std::int64_t{4} << 30, step = 256, most = 16384;
    const std::int64_t steps = std::clamp<std::int64_t>(budget / (exponential_bytes * step), 1, most / step);
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
    return best * step;
}

/// `wanted_chunk` and `wanted_group` are contexts; 0 chooses. A chunk of 1024 contexts feeds the first
/// product well and keeps its logits, twice as wide as the exponentials in bf16, a small part of the memory.
inline ChunkingCuda choose_chunking_cuda(std::int64_t contexts, std::int64_t padded_dim,
                                         std::int64_t exponential_bytes, std::int64_t multiprocessors,
                                         std::int64_t wanted_chunk, std::int64_t wanted_group) {
    const std::int64_t group = wanted_group > 0 ? wanted_group
                               : wanted_chunk > 0
                                   ? wanted_chunk
                                   : choose_group_cuda(padded_dim, exponential_bytes, multiprocessors);
    constexpr std::int64_t most = 65535;  // blocks in a grid's second direction
    const std::int64_t chunk =
        std::min({wanted_chunk > 0 ? wanted_chunk : std::int64_t{1024}, group, contexts, most});
    return {chunk, std::min(contexts, (group + chunk - 1) / chunk * chunk)};
}

}  // namespace ntpgeo::anchored_xent
