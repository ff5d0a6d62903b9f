#include "engine/training/sampler.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/random/philox.hpp"

namespace ntpgeo {
namespace {

/// Streams of batches; those of initial values and of sketches are small numbers.
Philox numbers_of(std::uint64_t seed, std::int64_t step) {
    return Philox(seed, std::uint64_t{1} << 63 | static_cast<std::uint64_t>(step));
}

/// A whole number below `bound` from 64 random bits.
std::int64_t below(std::int64_t bound, std::uint64_t bits) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::int64_t>(static_cast<Wide>(bits) * static_cast<std::uint64_t>(bound) >> 64);
}

}  // namespace

BatchSampler::BatchSampler(std::uint64_t seed, std::vector<double> context_probs, std::int64_t size,
                           Sampling sampling)
    : seed_(seed), context_probs_(std::move(context_probs)), size_(size), sampling_(sampling) {
    if (sampling == Sampling::once) return;
    sums_.resize(context_probs_.size());
    std::partial_sum(context_probs_.begin(), context_probs_.end(), sums_.begin());
}

Batch BatchSampler::draw(std::int64_t update, std::int64_t step) {
    return sampling_ == Sampling::once ? draw_part(update, step) : draw_by_weight(step);
}

Batch BatchSampler::draw_part(std::int64_t update, std::int64_t step) {
    const std::int64_t updates = (contexts() + size_ - 1) / size_, number = update % updates;
    shuffle(step - number);
    const auto begin = order_.begin() + number * size_;
    Batch batch{{begin, begin + std::min(size_, contexts() - number * size_)}, {}, {}};
    std::sort(batch.contexts.begin(), batch.contexts.end());
    const double scale = static_cast<double>(contexts()) / static_cast<double>(size_);
    for (const std::int64_t context : batch.contexts)
        batch.weights.push_back(context_probs_[context] * scale);
    batch.ridges.assign(batch.contexts.size(), scale);
    return batch;
}

Batch BatchSampler::draw_by_weight(std::int64_t step) const {
    const Philox numbers = numbers_of(seed_, step);
    std::vector<std::int64_t> drawn;
    for (std::int64_t i = 0; i < size_; ++i) {
        const double place = numbers.uniform(static_cast<std::uint64_t>(i)) * sums_.back();
        drawn.push_back(std::upper_bound(sums_.begin(), sums_.end() - 1, place) - sums_.begin());
    }
    std::sort(drawn.begin(), drawn.end());
    Batch batch;
    for (auto first = drawn.begin(); first != drawn.end();) {
        const auto end = std::upper_bound(first, drawn.end(), *first);
        // Draws are by π over its sum, which is below 1 where labels have a folded mass.
        const double weight = sums_.back() * static_cast<double>(end - first) / static_cast<double>(size_);
        batch.contexts.push_back(*first);
        batch.weights.push_back(weight);
        batch.ridges.push_back(weight / context_probs_[*first]);
        first = end;
    }
    return batch;
}

void BatchSampler::shuffle(std::int64_t step) {
    if (std::exchange(epoch_, step) == step) return;
    order_.resize(context_probs_.size());
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
    const Philox numbers = numbers_of(seed_, step);
    for (std::int64_t i = 0; i + 1 < contexts(); ++i)
        std::swap(order_[i], order_[i + below(contexts() - i, numbers.bits(static_cast<std::uint64_t>(i)))]);
}

}  // namespace ntpgeo
