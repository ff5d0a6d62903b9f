// The CPU's loss step before it runs: what a call is, how the contexts are cut, in chunks that share one
// block of logits and groups of chunks that share one partial dW, and the memory: the sizes, known before any
// of it is taken, and the arrays themselves. Everything but the number of scratch blocks follows from the
// sizes of the problem alone, so the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/anchored_xent/detail_cpu.hpp"
#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/base/status.hpp"
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

/// Contexts of a chunk, of `contexts` that are cut into equal ones. Where W does not stay in cache, or dW,
/// each is loaded for more contexts at a time.
inline std::int64_t equal_chunks(std::int64_t vocab, std::int64_t contexts, std::int64_t element_bytes) {
    constexpr std::int64_t logits_budget = std::int64_t{224} << 20;  // bytes a thread
    const std::int64_t most = vocab <= 4096 || element_bytes == 8 ? 256 : 512,
                       widest = std::clamp<std::int64_t>(logits_budget / (vocab * element_bytes), 64, most),
                       count = (contexts + widest - 1) / widest;
    return (contexts + count - 1) / count;
}

/// `wanted_chunk` and `wanted_group` are contexts; 0 chooses. A partial dW is written once a group at about
/// the cost of 25 contexts' products, whatever V and d; groups of 1024 keep that near 2 %, and eight groups
/// are enough work to share.
inline Chunking choose_chunking(std::int64_t vocab, std::int64_t contexts, std::int64_t dim,
                                std::int64_t element_bytes, std::int64_t wanted_chunk,
                                std::int64_t wanted_group) {
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
    const std::int64_t chunk = std::clamp<std::int64_t>(
        wanted_chunk != 0 ? wanted_chunk : equal_chunks(vocab, group, element_bytes), 1, contexts);
    return {contexts, chunk, std::max<std::int64_t>(1, (group + chunk - 1) / chunk)};
}

using namespace softmax;

/// Throws InputError where the CPU does not make the loss in this way.
inline void check_cpu_way(LossKernel kernel, Precision precision) {
    if (precision != Precision::fp32 && precision != Precision::fp64)
        throw InputError("the CPU multiplies in fp32 or fp64; bf16, bf16x3 and tf32 need a GPU");
    if (kernel == LossKernel::epilogue) throw InputError("the epilogue kernel needs a GPU");
}

/// Memory handed out piece by piece, each on a cache line of its own.
class Pieces {
  public:
    explicit Pieces(void* memory) : memory_(static_cast<unsigned char*>(memory)) {}

    template <class T>
    T* take(std::int64_t size) {
        unsigned char* const piece = memory_ + bytes_;
        bytes_ += (size * static_cast<std::int64_t>(sizeof(T)) + 63) / 64 * 64;
        return reinterpret_cast<T*>(piece);
    }
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }

    /// In place of memory where pieces are only counted, and nothing is kept in them.
    static void* none() {
        alignas(64) static unsigned char nothing[64];
        return nothing;
    }

  private:
    unsigned char* memory_;
    std::int64_t bytes_ = 0;
};

/// Words whose logits are made, summed and multiplied in one go: with W's and the chunk's they fit a core's
/// cache. A multiple of the rows of every machine's tile.
inline constexpr std::int64_t words_of_a_stripe = 84;

/// Elements of a row of a chunk's logits: an odd number of cache lines, so that words that follow each other
/// do not meet in the same few places of a cache.
inline std::int64_t row_of(std::int64_t chunk, std::int64_t element_bytes) {
    const std::int64_t line = 64 / element_bytes, lines = (padded(chunk) + line - 1) / line;
    return (lines + 1 - lines % 2) * line;
}

/// Every size of a loss step whose products are made of elements of `element_bytes`.
struct Layout {
    Chunking chunking;  // of as many contexts as there may be
    std::int64_t vocab = 0, dim = 0;
    std::int64_t row = 0;              ///< of logits: a word's of a chunk, padded
    std::int64_t largest_support = 0;  ///< entries of a chunk at most
    std::int64_t threads = 0;
    bool converts = false;  ///< W is kept in GEMM precision besides
    bool biased = false;
    std::int64_t parts = 1;     ///< that a chunk's products are cut into, for threads to share
    bool keeps_partial = true;  ///< false: the one group's dW is made in the caller's memory

    Layout(const LossCallPlan& plan, Real master, std::int64_t most_entries)
        : vocab(plan.vocab_size),
          dim(plan.dim),
          largest_support(most_entries),
          threads(team_size()),
          converts((plan.precision == Precision::fp32) != (master == Real::fp32)),
          biased(plan.biased) {
        const std::int64_t element_bytes = plan.precision == Precision::fp32 ? 4 : 8;
        chunking = choose_chunking(vocab, plan.most_contexts, dim, element_bytes, plan.chunk, plan.group);
        row = row_of(chunking.chunk, element_bytes);
    }

    /// As a caller's step has it, whose plan has no group: one, whose chunks the threads share. The logits of
    /// a chunk are what it takes most memory for, so that they are of fewer contexts unless speed is wanted.
    static Layout shared(LossCallPlan plan, Real master) {
        constexpr std::int64_t widest_chunk = 256, least_stripes = 3, most_parts = 16;
        plan.group = plan.most_contexts;
        if (plan.chunk == 0 && !plan.many) {
            const std::int64_t chunks = (plan.most_contexts + widest_chunk - 1) / widest_chunk;
            plan.chunk = (plan.most_contexts + chunks - 1) / chunks;
        }
        Layout layout(plan, master, plan.most_nnz);
        // A power of two, so that 2, 4 or 8 threads end together.
        const std::int64_t stripes = (plan.vocab_size + words_of_a_stripe - 1) / words_of_a_stripe;
        while (2 * layout.parts <= most_parts && 2 * layout.parts * least_stripes <= stripes)
            layout.parts *= 2;
        return layout;
    }
    /// Words of a part of a chunk, in whole stripes; what they are follows from V alone.
    [[nodiscard]] Part words_of(std::int64_t part) const {
        const std::int64_t stripes = (vocab + words_of_a_stripe - 1) / words_of_a_stripe,
                           width = (stripes + parts - 1) / parts * words_of_a_stripe;
        return {std::min(vocab, part * width), std::min(vocab, (part + 1) * width)};
    }
    /// Elements of a stripe of W in panels.
    [[nodiscard]] std::int64_t stripe_panels() const {
        return std::min(words_of_a_stripe, vocab) * padded(dim);
    }
    /// Blocks that are worked in at once.
    [[nodiscard]] std::int64_t scratches() const { return parts > 1 ? 1 : threads; }
};

/// The entries of the largest chunk.
inline std::int64_t entries_of_a_chunk(const LabelsView& labels, const Chunking& chunking) {
    std::int64_t most = 0;
    for (std::int64_t chunk = 0; chunk < chunking.chunks(); ++chunk)
        most = std::max(
            most, labels.indptr[chunking.chunk_end(chunk)] - labels.indptr[chunking.chunk_begin(chunk)]);
    return most;
}

/// One call, shared by all threads. T: the master's type, which all four matrices have, row after row.
template <class T>
struct Call {
    const T* words;
    const T* contexts;
    T* words_gradient;     // null: not wanted, or left in WorkspaceCpu::partial
    T* contexts_gradient;  // null: not wanted
    double lambda, upstream;
    double* excess;        // [m], null: not wanted
    double* missing_mass;  // [m], likewise
    LossDetail detail;
    // What a caller's step may have besides.
    const double* bias = nullptr;     // [V]
    double* bias_gradient = nullptr;  // [V]
    const double* tails = nullptr;    // [m]
    DivergenceOptions divergence{};
    bool adds_to_words_gradient = false;  // to what WorkspaceCpu::partial holds
    bool wants_words_gradient = words_gradient != nullptr;
};

/// What one thread works in. G: GEMM.
template <class G>
struct Scratch {
    Scratch(const Layout& layout, Pieces& pieces)
        : logits(pieces.take<G>(layout.vocab * layout.row)),
          contexts(pieces.take<G>(padded(layout.chunking.chunk) * layout.dim)),
          scaled(pieces.take<G>(layout.chunking.chunk * padded(layout.dim))),
          words(pieces.take<G>(layout.parts * layout.stripe_panels())),
          gradient(pieces.take<G>(layout.parts * layout.chunking.chunk * layout.dim)),
          redone(pieces.take<G>(padded(layout.vocab))),
          support(pieces.take<double>(SupportEntries::size(layout.largest_support)), layout.largest_support),
          terms(pieces.take<SupportTerms>(layout.chunking.chunk)),
          next(pieces.take<std::int64_t>(layout.parts * layout.row)),
          anchors(pieces.take<double>(layout.row)),
          ratio(pieces.take<double>(layout.parts * layout.row)),
          log1p_ratio(pieces.take<double>(layout.row)),
          means(pieces.take<double>(layout.row)),
          maximum(pieces.take<double>(layout.parts * layout.row)),
          square(pieces.take<double>(layout.parts * layout.row)),
          scale(pieces.take<double>(layout.chunking.chunk)),
          excess(pieces.take<double>(layout.chunking.chunk)),
          mass(pieces.take<double>(layout.chunking.chunk)) {}
    G* logits;                         // [V, row] Zᵀ, then Eᵀ
    G* contexts;                       // H_Bᵀ in panels
    G* scaled;                         // D·H_B in panels
    G* words;                          // [parts] a stripe of W in panels
    G* gradient;                       // [parts, chunk, dim] E·W of the parts' words
    G* redone;                         // [V, padded] the logits of a context that is redone
    SupportEntries support;            // of the chunk
    SupportTerms* terms;               // [chunk]
    std::int64_t* next;                // [parts, row] the support entry that the part's words come to next
    double* anchors;                   // [row]
    double *ratio, *log1p_ratio;       // [parts, row] Σ E, [row]
    double *means, *maximum, *square;  // [row], [parts, row] twice: of the logits, for a record
    double* scale;                     // [chunk] D
    double *excess, *mass;             // [chunk] π_j·loss and π_j · off-support mass

    [[nodiscard]] Spreads spreads(std::int64_t part, const Layout& layout) const {
        return {maximum + part * layout.row, square + part * layout.row};
    }
};

/// What all of them work in, and where each thread's own begins.
template <class G>
class WorkspaceCpu {
  public:
    WorkspaceCpu(const Layout& layout, void* memory) : layout_(layout) {
        Pieces pieces(memory);
        if (layout.converts) words = pieces.take<G>(layout.vocab * layout.dim);
        if (layout.keeps_partial)
            partial = pieces.take<G>(layout.chunking.groups() * layout.vocab * layout.dim);
        if (layout.biased) {
            bias = pieces.take<G>(layout.vocab);
            bias_partial = pieces.take<double>(layout.chunking.groups() * layout.vocab);
        }
        chunk_excess = pieces.take<double>(layout.chunking.chunks());
        chunk_mass = pieces.take<double>(layout.chunking.chunks());
        mean_word = pieces.take<double>(layout.dim);
        scratch_ = pieces.take<unsigned char>(layout.scratches() * scratch_bytes(layout));
        bytes_ = pieces.bytes();
    }

    G* words = nullptr;              // [V, dim] W in GEMM precision, where that is not the master's
    G* partial = nullptr;            // [groups, V, dim]
    G* bias = nullptr;               // [V] in GEMM precision
    double* bias_partial = nullptr;  // [groups, V]
    double* chunk_excess;            // [chunks] Σ π_j excess_j
    double* chunk_mass;              // [chunks] Σ π_j · off-support mass
    double* mean_word;               // [dim]

    [[nodiscard]] Scratch<G> scratch(std::int64_t thread) const {
        Pieces pieces(scratch_ + thread * scratch_bytes(layout_));
        return {layout_, pieces};
    }
    static std::int64_t bytes(const Layout& layout) { return WorkspaceCpu(layout, Pieces::none()).bytes_; }

  private:
    static std::int64_t scratch_bytes(const Layout& layout) {
        Pieces pieces(Pieces::none());
        const Scratch<G> none(layout, pieces);
        return pieces.bytes();
    }

    const Layout& layout_;
    unsigned char* scratch_;
    std::int64_t bytes_;
};

}  // namespace ntpgeo::anchored_xent
