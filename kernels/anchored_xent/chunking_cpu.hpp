// How the CPU cuts the contexts: chunks that share one block of logits, groups of chunks that share one
// partial dW. Everything follows from the sizes of the problem alone, so the bits do not depend on the number
// of threads.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ntpgeo::anchored_xent {

struct Chunking {
    std::int64_t contexts = 0;
    std::int64_t chunk = 0;  ///< contexts a chunk
    std::int64_t chunks_per_group = 0;

    [[nodiscard]] std::int64_t chunks() const { return (contexts + chunk - 1) / chunk; }
    [[nodiscard]] std::int64_t groups() const { return (chunks() + chunks_per_group - 1) / chunks_per_group; }
    [[nodiscard]] std::int64_t chunk_begin(std::int64_t c) const { return c * chunk; }
    [[nodiscard]] std::int64_t chunk_end(std::int64_t c) const { return std::min(contexts, (c + 1) * chunk); }
    [[nodiscard]] std::int64_t group_begin(std::int64_t g) const { return g * chunks_per_group; }
    [[nodiscard]] std::int64_t group_end(std::int64_t g) const {
        return std::min(chunks(), (g + 1) * chunks_per_group);
    }
};

/// `wanted_chunk` and `wanted_group` are contexts; 0 chooses. A partial dW is written once a group at about
/// the cost of 25 contexts' products, whatever V and d; groups of 1024 keep that near 2 %, and eight groups
/// are enough work to share.
inline Chunking choose_chunking(std::int64_t vocab, std::int64_t contexts, std::int64_t dim,
                                std::int64_t element_bytes, std::int64_t wanted_chunk,
                                std::int64_t wanted_group) {
    constexpr std::int64_t logits_budget = std::int64_t{224} << 20;  // bytes a thread
    constexpr std::int64_t partials_budget = std::int64_t{1} << 30;  // bytes in all
    std::int64_t group = wanted_group;
    if (group == 0) {
        const std::int64_t affordable =
            std::clamp<std::int64_t>(partials_budget / (vocab * dim * element_bytes), 2, 64);
        // A multiple of eight, so that 2, 4 or 8 threads end together.
        std::int64_t groups = contexts < 2048 ? std::clamp<std::int64_t>(contexts / 64, 1, 4)
                                              : std::max<std::int64_t>(1, (contexts + 4096) / 8192) * 8;
        groups = std::min(groups, affordable);
        group = (contexts + groups - 1) / groups;
    }
    std::int64_t chunk = wanted_chunk;
    if (chunk == 0) {
        // A small block of logits stays in cache; a large one cannot, and then OpenBLAS is best fed with more
        // rows.
        const std::int64_t most = vocab <= 16384 ? 256 : 512;
        chunk = std::clamp<std::int64_t>(logits_budget / (vocab * element_bytes), 64, most);
        // Equal chunks within a group, rather than a short last one.
        const std::int64_t count = (group + chunk - 1) / chunk;
        chunk = (group + count - 1) / count;
    }
    chunk = std::clamp<std::int64_t>(chunk, 1, contexts);
    return {contexts, chunk, std::max<std::int64_t>(1, (group + chunk - 1) / chunk)};
}

}  // namespace ntpgeo::anchored_xent
