// What of a CUDA loss step is planned on the host: how a GPU cuts the contexts into chunks that share one
// block of logits, and groups of chunks whose exponentials meet in one gradient product. It follows from the
// sizes and from what the device is (its name, multiprocessors, cache and memory), never from what memory
// happens to be free, so that the bits stay the same on one device.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/anchored_xent/cost_cuda.hpp"
#include "kernels/device/machines.hpp"

namespace ntpgeo::anchored_xent {

struct ChunkingCuda {
    std::int64_t chunk = 0;  ///< contexts a block of logits: a multiple of 128, or all contexts
    std::int64_t group = 0;  ///< contexts a gradient product: a multiple of chunk, or all contexts
};

inline constexpr std::int64_t chunk_step = 128;  ///< rows of a product's tile

/// The most of either that is taken of its own accord, in steps.
struct ChunkLimits {
    std::int64_t chunk = 1, group = 1;
};

/// Exponentials of a group stay within a sixteenth of the device's memory, and a group within 32768 contexts:
/// so long is one sum over contexts. Logits of a chunk stay where the cache holds them, at most 48 MB, unless
/// that is fewer than 1024 contexts: a chunk reads all of W, which costs more than the logits' way to memory.
inline ChunkLimits chunk_limits(const LossStepShape& shape, const device::Machine& machine,
                                std::int64_t memory) {
    constexpr std::int64_t most_group = 32768, always = 1024;
    constexpr double most_logits = 48e6;
    const ProductTypes types = product_types(shape.precision);
    const double step = static_cast<double>(device::whole_parts(shape.vocab, 128) * 128) * double{chunk_step};
    const double exponentials = step * types.operand * static_cast<double>(types.terms);
    const auto whole = [](double room, double one) { return static_cast<std::int64_t>(room / one); };
    const std::int64_t group = std::clamp<std::int64_t>(whole(static_cast<double>(memory) / 16, exponentials),
                                                        1, most_group / chunk_step);
    if (shape.epilogue) return {group, group};  // there are no logits
    const std::int64_t cached = whole(std::min(cached_logits(machine), most_logits), step * types.logit);
    return {std::min(group, std::max(cached, always / chunk_step)), group};
}

/// Calls visit(shape) with every way to cut the contexts within those limits: chunks of whole steps, groups
/// of whole chunks, and of one size but for the last.
template <class Visit>
void for_each_chunking(LossStepShape shape, const ChunkLimits& most, const Visit& visit) {
    const std::int64_t steps = device::whole_parts(shape.contexts, chunk_step);
    for (std::int64_t chunk = std::min(most.chunk, steps); chunk > 0; --chunk) {
        const std::int64_t chunks =
            shape.epilogue ? 1 : std::min(most.group / chunk, device::whole_parts(steps, chunk));
        for (std::int64_t count = chunks; count > 0; --count) {
            shape.chunk = std::min(shape.contexts, chunk * chunk_step);
            shape.group = std::min(shape.contexts, count * chunk * chunk_step);
            visit(shape);
        }
    }
}

/// Of the ways that take at most 1 % longer than the fastest by the model, which knows no better, the one
/// whose three products leave the fewest multiprocessors idle, the worst of them counted; of equals the one
/// with larger chunks and groups.
inline ChunkingCuda fastest_chunking(const LossStepShape& shape, const device::Machine& machine,
                                     std::int64_t memory) {
    constexpr double as_fast = 1.01, as_full = 1.001;
    const ChunkLimits most = chunk_limits(shape, machine, memory);
    double least = 0;
    for_each_chunking(shape, most, [&](const LossStepShape& cut) {
        const double seconds = loss_step_cost(cut, machine).seconds();
        if (least == 0 || seconds < least) least = seconds;
    });
    ChunkingCuda best;
    double fullest = 0;
    for_each_chunking(shape, most, [&](const LossStepShape& cut) {
        const LossStepCost cost = loss_step_cost(cut, machine);
        const double full = cost.least_efficiency();
        if (cost.seconds() > least * as_fast || full <= fullest * as_full) return;
        best = {cut.chunk, cut.group};
        fullest = full;
    });
    return best;
}

/// `wanted_chunk` and `wanted_group` are contexts; 0 chooses: both by the model, a chunk for a group of which
/// the size is given as equal parts within the limits, a group for such a chunk as that chunk.
inline ChunkingCuda choose_chunking_cuda(const LossStepShape& shape, const device::Machine& machine,
                                         std::int64_t memory, std::int64_t wanted_chunk,
                                         std::int64_t wanted_group) {
    if (wanted_chunk <= 0 && wanted_group <= 0) return fastest_chunking(shape, machine, memory);
    constexpr std::int64_t most = 65535;  // blocks in a grid's second direction
    const std::int64_t group = wanted_group > 0 ? std::min(wanted_group, shape.contexts) : wanted_chunk;
    std::int64_t chunk = wanted_chunk;
    if (chunk <= 0) {
        const std::int64_t count =
            device::whole_parts(group, chunk_limits(shape, machine, memory).chunk * chunk_step);
        chunk = device::whole_parts(device::whole_parts(group, count), chunk_step) * chunk_step;
    }
    chunk = std::min({chunk, group, shape.contexts, most});
    return {chunk, std::min(shape.contexts, device::whole_parts(group, chunk) * chunk)};
}

}  // namespace ntpgeo::anchored_xent
