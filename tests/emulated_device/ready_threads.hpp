// The threads of a block that can run, in an order that the seed decides.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "limits.hpp"
#include "settings.hpp"

namespace emulated_device {

/// Warps and lanes have random ranks. A fair block takes the next ready thread after a random rank; an unfair
/// one always takes the least rank, so that some warps run far ahead of others, as they may on the device.
class ReadyThreads {
  public:
    void reset(unsigned threads, Random& random) {
        shuffle(warp_rank_, warp_at_, random);
        shuffle(lane_rank_, lane_at_, random);
        unfair_ = (random() & 1) != 0;
        warps_ = 0;
        for (unsigned thread = 0; thread < threads; ++thread) add(thread);
    }

    void add(unsigned thread) {
        const unsigned warp = warp_rank_[thread / warp_size];
        lanes_[warp] = (warps_ >> warp & 1 ? lanes_[warp] : 0) | 1u << lane_rank_[thread % warp_size];
        warps_ |= 1u << warp;
    }

    [[nodiscard]] bool empty() const { return warps_ == 0; }

    unsigned take(Random& random) {
        const auto bits = unfair_ ? 0u : static_cast<unsigned>(random());
        const unsigned warp = first(warps_, bits % 32), lane = first(lanes_[warp], bits / 32 % 32);
        lanes_[warp] &= ~(1u << lane);
        if (lanes_[warp] == 0) warps_ &= ~(1u << warp);
        return warp_at_[warp] * warp_size + lane_at_[lane];
    }

  private:
    using Ranks = unsigned char[warp_size];

    static unsigned first(std::uint32_t set, unsigned from) {
        return (static_cast<unsigned>(std::countr_zero(std::rotr(set, static_cast<int>(from)))) + from) % 32;
    }

    static void shuffle(Ranks& rank, Ranks& at, Random& random) {
        for (unsigned i = 0; i < warp_size; ++i) at[i] = static_cast<unsigned char>(i);
        for (unsigned i = warp_size - 1; i > 0; --i) std::swap(at[i], at[random.below(i + 1)]);
        for (unsigned i = 0; i < warp_size; ++i) rank[at[i]] = static_cast<unsigned char>(i);
    }

    Ranks warp_rank_{}, warp_at_{}, lane_rank_{}, lane_at_{};
    std::uint32_t warps_ = 0, lanes_[warp_size] = {};
    bool unfair_ = false;
};

}  // namespace emulated_device
