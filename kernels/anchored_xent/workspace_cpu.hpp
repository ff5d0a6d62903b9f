// The CPU's loss step before it runs: how it cuts the contexts, in chunks that share one block of logits and
// groups of chunks that share one partial dW, and its memory: the sizes, known before any of it is taken, and
// the arrays themselves. Everything but the number of scratch blocks follows from the sizes of the problem
// alone, so the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/rows.hpp"
#include "kernels/cpu/team.hpp"
#include "kernels/softmax/softmax_cpu.hpp"

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

using namespace softmax;

/// Every size of a loss step whose products are made of elements of `element_bytes`.
struct Layout {
    Chunking chunking;
    std::int64_t vocab = 0, dim = 0;
    std::int64_t stride = 0;           ///< of a row of logits: V, padded
    std::int64_t largest_support = 0;  ///< entries of a chunk
    std::int64_t threads = 0;
    std::int64_t element_bytes = 0;
    bool converts = false;  ///< W is kept in GEMM precision besides

    Layout(const LabelsView& labels, const LossPlan& plan)
        : vocab(labels.vocab_size),
          dim(plan.dim),
          stride(padded(labels.vocab_size)),
          threads(team_size()),
          element_bytes(plan.precision == Precision::fp32 ? 4 : 8),
          converts(element_bytes != bytes_of(plan.master)) {
        chunking = choose_chunking(vocab, labels.contexts, dim, element_bytes, plan.chunk, plan.group);
        for (std::int64_t chunk = 0; chunk < chunking.chunks(); ++chunk)
            largest_support = std::max(largest_support, labels.indptr[chunking.chunk_end(chunk)] -
                                                            labels.indptr[chunking.chunk_begin(chunk)]);
    }

    [[nodiscard]] std::int64_t bytes() const {
        const std::int64_t elements = chunking.chunk * (stride + 3 * dim);
        const std::int64_t scratch =
            elements * element_bytes + SupportEntries::bytes(largest_support) +
            chunking.chunk * static_cast<std::int64_t>(sizeof(SupportTerms) + sizeof(double));
        const std::int64_t copies = chunking.groups() + (converts ? 1 : 0);  // of [V, dim]
        return threads * scratch + copies * vocab * dim * element_bytes +
               2 * chunking.chunks() * std::int64_t{sizeof(double)};
    }
};

/// What one thread works in. G: GEMM.
template <class G>
struct Scratch {
    explicit Scratch(const Layout& layout)
        : logits(layout.chunking.chunk * layout.stride),
          contexts(layout.chunking.chunk * layout.dim),
          scaled(layout.chunking.chunk * layout.dim),
          gradient(layout.chunking.chunk * layout.dim),
          support(layout.largest_support),
          terms(layout.chunking.chunk),
          scale(layout.chunking.chunk) {}
    AlignedArray<G> logits;           // [chunk, stride] Z, then E
    AlignedArray<G> contexts;         // [chunk, dim] H_B in GEMM precision
    AlignedArray<G> scaled;           // [chunk, dim] D·H_B
    AlignedArray<G> gradient;         // [chunk, dim] E·W
    SupportEntries support;           // of the chunk
    std::vector<SupportTerms> terms;  // [chunk]
    std::vector<double> scale;        // [chunk] D
};

}  // namespace ntpgeo::anchored_xent
