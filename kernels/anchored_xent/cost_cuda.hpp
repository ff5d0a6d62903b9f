// What a CUDA loss step costs by the model of kernels/device/waves.hpp: the waves of its three products and
// the seconds that they and the passes between them take. A prediction; plans may choose by it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/anchored_xent/epilogue_tile.hpp"
#include "kernels/device/machines.hpp"
#include "kernels/device/waves.hpp"

namespace ntpgeo::anchored_xent {

struct LossStepShape {
    std::int64_t vocab = 0, contexts = 0, dim = 0;
    std::int64_t chunk = 0, group = 0;  ///< contexts, as in ChunkingCuda
    bool epilogue = false;              ///< exponentials in the epilogue of the first product
};

/// One of the three products over all contexts.
struct ProductUse {
    double tiles = 0, places = 0;  ///< places: multiprocessors times waves
    double seconds = 0;

    [[nodiscard]] double efficiency() const { return places == 0 ? 1.0 : tiles / places; }
};

struct LossStepCost {
    ProductUse logits, words, contexts;  ///< Z = H·Wᵀ, dW = Eᵀ·(D·H), E·W
    double passes = 0;                   ///< seconds of what is between the products
    double nodes = 0;                    ///< of a graph

    [[nodiscard]] double seconds() const {
        return logits.seconds + words.seconds + contexts.seconds + passes + nodes * device::seconds_a_node;
    }
    /// Of the three products at the device's best rate, 6·V·m·d flops, in the whole time.
    [[nodiscard]] double share(const LossStepShape& shape, double rate) const {
        return 6.0 * static_cast<double>(shape.vocab) * static_cast<double>(shape.contexts) *
               static_cast<double>(shape.dim) / rate / seconds();
    }
};

/// In bf16 with fp32 logits and an fp64 master. cuBLAS may split the inner side of dW, whose tiles are few
/// where V and d are small; Z and E·W are not split (their inner sides are d and V).
inline LossStepCost loss_step_cost(const LossStepShape& shape, const device::Machine& machine) {
    constexpr double operand = 2, logit = 4, master = 8, most_splits = 32;
    constexpr double cache_share = 0.8;  // of L2, that one block of logits may fill and be found in
    const double rate = machine.bf16 * device::attained_products,
                 memory = machine.memory_bandwidth * device::attained_memory;
    const std::int64_t stride = device::whole_parts(shape.vocab, 128) * 128,
                       dim = device::whole_parts(shape.dim, 8) * 8, sms = machine.multiprocessors;
    const auto columns = static_cast<double>(stride), width = static_cast<double>(dim);
    LossStepCost cost;
    const auto use = [&](ProductUse& product, const device::Waves& waves, double bytes, double times) {
        product.tiles += times * static_cast<double>(waves.tiles);
        product.places += times * static_cast<double>(waves.waves * sms);
        product.seconds += times * std::max(waves.seconds, bytes / memory);
    };
    const auto chunk = [&](std::int64_t size, double times) {
        const auto rows = static_cast<double>(size);
        const double logits = rows * columns * logit, exponentials = rows * columns * operand,
                     sides = (rows + columns) * width * operand;
        if (shape.epilogue) {
            const EpilogueTile& tile =
                epilogue_tiles[choose_epilogue_tile(shape.contexts, shape.vocab, dim, sms)];
            use(cost.logits, epilogue_waves(tile, size, stride, dim, sms, rate), sides + exponentials, times);
        } else {
            const bool cached = logits <= cache_share * machine.cache_bytes;
            use(cost.logits, device::fastest_waves(size, stride, dim, sms, rate),
                sides + (cached ? 0 : logits), times);
            cost.passes += times * (cached ? std::max(logits / machine.cache_bandwidth, exponentials / memory)
                                           : (logits + exponentials) / memory);
        }
        // H is read and written as an operand, read once more and written as D·H.
        cost.passes += times * rows * width * 2 * (master + operand) / memory;
        cost.nodes += times * 5;
    };
    const auto group = [&](std::int64_t size, double times) {
        const auto rows = static_cast<double>(size);
        const std::int64_t last = size % shape.chunk;
        if (size >= shape.chunk) chunk(shape.chunk, times * static_cast<double>(size / shape.chunk));
        if (last > 0) chunk(last, times);
        const double exponentials = rows * columns * operand;
        use(cost.words,
            device::fastest_waves(stride, dim, size, sms, rate, static_cast<std::int64_t>(most_splits)),
            exponentials + rows * width * operand + 2 * columns * width * logit, times);
        use(cost.contexts, device::fastest_waves(size, dim, stride, sms, rate),
            exponentials + columns * width * operand + rows * width * logit, times);
        cost.passes += times * rows * width * (logit + master) / memory;
        cost.nodes += times * 3;
    };
    const std::int64_t last = shape.contexts % shape.group;
    if (shape.contexts >= shape.group) group(shape.group, static_cast<double>(shape.contexts / shape.group));
    if (last > 0) group(last, 1);
    cost.passes += columns * width * (logit + master + master + operand) / memory;
    cost.nodes += 3;
    return cost;
}

}  // namespace ntpgeo::anchored_xent
