// The lanes of a warp that meet in one shuffle, vote or warp barrier.
#pragma once

#include <array>
#include <cstdint>

#include "device_code.hpp"
#include "limits.hpp"

namespace emulated_device {

/// The lanes that share one mask. Two sets of values take turns: a lane reads one while the first lanes of
/// the next operation already write the other.
struct WarpGroup {
    std::uint32_t mask = 0, arrived = 0;
    int phase = 0;
    const char* operation = "";
    Site site;
    WarpValues values[2];
};

/// The groups of every warp of a block. Nothing is allocated while a kernel runs.
class WarpGroups {
  public:
    void reset() { counts_.fill(0); }

    WarpGroup& of(unsigned warp, std::uint32_t mask) {
        for (unsigned i = 0; i < counts_[warp]; ++i)
            if (groups_[warp][i].mask == mask) return groups_[warp][i];
        if (counts_[warp] == groups_[warp].size()) fault("more than 32 different masks in one warp");
        WarpGroup& group = groups_[warp][counts_[warp]++];
        group.mask = group.values[0].mask = group.values[1].mask = mask;
        group.arrived = 0;
        group.phase = 0;
        return group;
    }

  private:
    static constexpr unsigned max_masks = 32;
    std::array<unsigned, warp_size> counts_{};
    std::array<std::array<WarpGroup, max_masks>, max_block_threads / warp_size> groups_;
};

}  // namespace emulated_device
