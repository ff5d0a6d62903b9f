// Which tile the fused product of a loss step takes (design 4.1, "On Hopper and Blackwell"). Plain C++,
// chosen from the sizes and the number of multiprocessors alone: the tile decides in which order exponentials
// are summed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "kernels/device/machines.hpp"
#include "kernels/device/waves.hpp"

namespace ntpgeo::anchored_xent {

/// Contexts × words of one block, and how many blocks share what they load, in either direction.
struct EpilogueTile {
    std::int64_t contexts, words;
    std::int64_t cluster_contexts, cluster_words;
    /// Two groups of warps take turns, each with a tile of its own: while one makes exponentials, the other
    /// feeds the tensor cores. Otherwise both work at one tile, and nothing is fed meanwhile.
    bool in_turns;
    double share;  ///< of the best rate, while it multiplies; assumed, as those of waves.hpp are

    [[nodiscard]] constexpr std::int64_t cluster() const { return cluster_contexts * cluster_words; }
};

/// Each is an instance of epilogue_product_tile.cu. Clusters of four load less for each flop, and leave
/// multiprocessors idle where their number is no multiple of four.
inline constexpr EpilogueTile epilogue_tiles[] = {
    {128, 128, 2, 1, true, 0.88}, {128, 128, 2, 2, true, 0.92}, {128, 256, 2, 1, false, 1.0}};
inline constexpr std::int64_t most_epilogue_words = 256;

/// Exponentials a second of one multiprocessor: 16 a clock of 1.83 GHz, at which an H100 has its figure for
/// bf16.
inline constexpr double exponentials_a_second = 16 * 1.83e9;

/// The product E [contexts, words] over `dim` in this tile, exponentials included. `rate`: flops a second of
/// the whole device at best.
constexpr device::Waves epilogue_waves(const EpilogueTile& tile, std::int64_t contexts, std::int64_t words,
                                       std::int64_t dim, std::int64_t multiprocessors, double rate) {
    const std::int64_t clusters = device::whole_parts(contexts, tile.contexts * tile.cluster_contexts) *
                                  device::whole_parts(words, tile.words * tile.cluster_words);
    const std::int64_t at_once = std::max<std::int64_t>(multiprocessors / tile.cluster(), 1);
    device::Waves result{{tile.contexts, tile.words, tile.share}, 1, clusters * tile.cluster()};
    result.waves = device::whole_parts(clusters, at_once);
    const auto entries = static_cast<double>(tile.contexts * tile.words);
    const double multiply = 2 * entries * static_cast<double>(dim) * static_cast<double>(multiprocessors) /
                            (rate * tile.share),
                 exponentials = entries / exponentials_a_second;
    const auto waves = static_cast<double>(result.waves);
    result.seconds = tile.in_turns ? waves * std::max(multiply, exponentials) + exponentials
                                   : waves * (multiply + exponentials);
    return result;
}

/// Which of epilogue_tiles is the fastest by that on Hopper; the first of equals.
constexpr int choose_epilogue_tile(std::int64_t contexts, std::int64_t words, std::int64_t dim,
                                   std::int64_t multiprocessors) {
    const device::Machine& hopper = device::machines[0];
    const double rate = hopper.bf16 * device::attained_products * static_cast<double>(multiprocessors) /
                        static_cast<double>(hopper.multiprocessors);
    const auto seconds = [&](int tile) {
        return epilogue_waves(epilogue_tiles[tile], contexts, words, dim, multiprocessors, rate).seconds;
    };
    int best = 0;
    for (int tile = 1; tile < static_cast<int>(std::size(epilogue_tiles)); ++tile)
        if (seconds(tile) < seconds(best)) best = tile;
    return best;
}

}  // namespace ntpgeo::anchored_xent
