// What a CUDA loss step costs by the model of kernels/device/waves.hpp: the waves of its three products and
// the seconds that they and the passes between them take. A prediction, by which plan_cuda.hpp chooses chunks
// and groups.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/anchored_xent/epilogue_tile.hpp"
#include "kernels/base/views.hpp"
#include "kernels/device/machines.hpp"
#include "kernels/device/waves.hpp"

namespace ntpgeo::anchored_xent {

struct LossStepShape {
    std::int64_t vocab = 0, contexts = 0, dim = 0;
    std::int64_t chunk = 0, group = 0;  ///< contexts, as in ChunkingCuda
    bool epilogue = false;              ///< exponentials in the epilogue of the first product
    Precision precision = Precision::bf16;
};

/// Bytes of an operand and of a logit, and how many products of one size a gradient is made of. Z is one
/// product over `terms` + 1 times the width where there are two terms.
struct ProductTypes {
    double operand, logit;
    std::int64_t terms, parts;
};
constexpr ProductTypes product_types(Precision precision) {
    switch (precision) {
        case Precision::bf16:
            return {2, 4, 1, 1};
        case Precision::bf16x3:
            return {2, 4, 2, 3};
        case Precision::tf32:
        case Precision::fp32:
            return {4, 4, 1, 1};
        case Precision::fp64:
            break;
    }
    return {8, 8, 1, 1};
}

/// Flops a second that each of a gradient's products comes to.
constexpr double attained_rate(const device::Machine& machine, Precision precision) {
    return device::attained_products * static_cast<double>(product_types(precision).parts) *
           device::products_rate(machine, precision);
}

/// Bytes of logits that are found in L2 again, beside what else goes through it.
constexpr double cached_logits(const device::Machine& machine) {
    constexpr double share = 0.8;
    return share * machine.cache_bytes;
}

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
    [[nodiscard]] double least_efficiency() const {
        return std::min({logits.efficiency(), words.efficiency(), contexts.efficiency()});
    }
    /// Of the three products at the device's best rate, 6·V·m·d flops, in the whole time.
    [[nodiscard]] double share(const LossStepShape& shape, double rate) const {
        return 6.0 * static_cast<double>(shape.vocab) * static_cast<double>(shape.contexts) *
               static_cast<double>(shape.dim) / rate / seconds();
    }
};

/// With an fp64 master. What the supports take is left out: it is the same however contexts are cut.
class LossStepModel {
  public:
    LossStepModel(const LossStepShape& shape, const device::Machine& machine)
        : shape_(shape),
          machine_(machine),
          types_(product_types(shape.precision)),
          rate_(attained_rate(machine, shape.precision)),
          memory_(machine.memory_bandwidth * device::attained_memory),
          stride_(device::whole_parts(shape.vocab, 128) * 128),
          dim_(device::whole_parts(shape.dim, 8) * 8) {}

    [[nodiscard]] LossStepCost cost() {
        cost_ = {};
        const std::int64_t last = shape_.contexts % shape_.group;
        if (shape_.contexts >= shape_.group)
            add_group(shape_.group, static_cast<double>(shape_.contexts / shape_.group));
        if (last > 0) add_group(last, 1);
        // W to its operand, and dW to the master.
        cost_.passes += columns() * width() * (2 * master + types_.logit + operand()) / memory_;
        cost_.nodes += 4;
        return cost_;
    }

  private:
    static constexpr double master = 8;

    [[nodiscard]] double columns() const { return static_cast<double>(stride_); }
    [[nodiscard]] double width() const { return static_cast<double>(dim_); }
    /// Bytes of all terms of a number.
    [[nodiscard]] double operand() const { return types_.operand * static_cast<double>(types_.terms); }

    /// A product [rows, columns] over `inner`, `times` times, beside `bytes` of its own traffic.
    void add_product(ProductUse& product, std::int64_t rows, std::int64_t columns, std::int64_t inner,
                     double bytes, double times) const {
        const device::Waves waves = device::fastest_with_splits(rows, columns, inner, types_.logit,
                                                                machine_.multiprocessors, rate_, memory_);
        add(product, waves, bytes, times);
    }
    void add(ProductUse& product, const device::Waves& waves, double bytes, double times) const {
        product.tiles += times * static_cast<double>(waves.tiles);
        product.places += times * static_cast<double>(waves.waves * machine_.multiprocessors);
        product.seconds += times * std::max(waves.seconds, bytes / memory_);
    }

    void add_chunk(std::int64_t size, double times) {
        const auto rows = static_cast<double>(size);
        const double logits = rows * columns() * types_.logit, exponentials = rows * columns() * operand();
        const std::int64_t inner = dim_ * (types_.terms > 1 ? types_.terms + 1 : 1);
        const double sides = (rows + columns()) * static_cast<double>(inner) * types_.operand;
        if (shape_.epilogue) {
            const std::int64_t sms = machine_.multiprocessors;
            const EpilogueTile& tile =
                epilogue_tiles[choose_epilogue_tile(shape_.contexts, shape_.vocab, dim_, sms)];
            add(cost_.logits, epilogue_waves(tile, size, stride_, dim_, sms, rate_), sides + exponentials,
                times);
        } else {
            const bool cached = logits <= cached_logits(machine_);
            add_product(cost_.logits, size, stride_, inner, sides + (cached ? 0 : logits), times);
            cost_.passes +=
                times * (cached ? std::max(logits / machine_.cache_bandwidth, exponentials / memory_)
                                : (logits + exponentials) / memory_);
        }
        // H is read and written as an operand, read once more and written as D·H.
        cost_.passes += times * rows * width() * 2 * (master + operand()) / memory_;
        cost_.nodes += times * 5;
    }

    void add_group(std::int64_t size, double times) {
        const auto rows = static_cast<double>(size), parts = static_cast<double>(types_.parts);
        const std::int64_t last = size % shape_.chunk;
        if (size >= shape_.chunk) add_chunk(shape_.chunk, times * static_cast<double>(size / shape_.chunk));
        if (last > 0) add_chunk(last, times);
        const double exponentials = rows * columns() * types_.operand;
        add_product(cost_.words, stride_, dim_, size,
                    exponentials + rows * width() * types_.operand + 2 * columns() * width() * types_.logit,
                    times * parts);
        add_product(cost_.contexts, size, dim_, stride_,
                    exponentials + columns() * width() * types_.operand + rows * width() * types_.logit,
                    times * parts);
        cost_.passes += times * rows * width() * (types_.logit + master) / memory_;
        cost_.nodes += times * (1 + 2 * parts);
    }

    LossStepShape shape_;
    const device::Machine& machine_;
    ProductTypes types_;
    double rate_, memory_;
    std::int64_t stride_, dim_;
    LossStepCost cost_;
};

inline LossStepCost loss_step_cost(const LossStepShape& shape, const device::Machine& machine) {
    return LossStepModel(shape, machine).cost();
}

}  // namespace ntpgeo::anchored_xent
