// A matrix product as a GPU works through it: tiles, as many at once as there are multiprocessors, in waves
// whose last one may leave most of them idle. Plain C++, for plans and predictions.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ntpgeo::device {

constexpr std::int64_t whole_parts(std::int64_t size, std::int64_t part) {
    return (size + part - 1) / part;
}

/// What one block makes of a product, and the share of the best rate that it reaches while it works: smaller
/// tiles load more for each flop. The shares are assumed, by what shared memory has to deliver a flop,
/// (1/rows + 1/columns), beyond 128×256.
struct Tile {
    std::int64_t rows, columns;
    double share;
};
inline constexpr Tile product_tiles[] = {{128, 256, 1.0}, {256, 128, 1.0}, {128, 128, 0.88}, {64, 256, 0.85},
                                         {256, 64, 0.85}, {128, 64, 0.70}, {64, 128, 0.70},  {64, 64, 0.55}};

/// A product [rows, columns] over `inner` in tiles, its inner side cut into `splits` that are added at the
/// end.
struct Waves {
    Tile tile{};
    std::int64_t splits = 1;
    std::int64_t tiles = 0, waves = 0;  ///< tiles of all splits
    double seconds = 0;                 ///< of its flops alone

    /// Tiles over the places that the waves have for them: 1 where no multiprocessor ever waits.
    [[nodiscard]] double efficiency(std::int64_t multiprocessors) const {
        return waves == 0 ? 1.0 : static_cast<double>(tiles) / static_cast<double>(waves * multiprocessors);
    }
};

/// `rate`: flops a second of the whole device at best.
constexpr Waves waves_in(const Tile& tile, std::int64_t splits, std::int64_t rows, std::int64_t columns,
                         std::int64_t inner, std::int64_t multiprocessors, double rate) {
    Waves result{tile, splits, whole_parts(rows, tile.rows) * whole_parts(columns, tile.columns) * splits};
    result.waves = whole_parts(result.tiles, multiprocessors);
    const double flops = 2.0 * static_cast<double>(tile.rows * tile.columns * whole_parts(inner, splits));
    result.seconds = static_cast<double>(result.waves) * flops /
                     (rate * tile.share / static_cast<double>(multiprocessors));
    return result;
}

/// The fastest tiles, of those that are no larger in vain. `most_splits`: how far a library may cut the inner
/// side, into parts of 512 at least.
constexpr Waves fastest_waves(std::int64_t rows, std::int64_t columns, std::int64_t inner,
                              std::int64_t multiprocessors, double rate, std::int64_t most_splits = 1) {
    constexpr std::int64_t least_part = 512;
    Waves best{};
    for (const Tile& tile : product_tiles)
        for (std::int64_t splits = 1; splits <= most_splits; ++splits) {
            if (splits > 1 && inner / splits < least_part) break;
            const Waves now = waves_in(tile, splits, rows, columns, inner, multiprocessors, rate);
            if (best.waves == 0 || now.seconds < best.seconds) best = now;
        }
    return best;
}

/// cuBLAS's own choice where tiles are few: its heuristics split the inner side, and a second kernel adds the
/// parts (its profiles show `nvjet_…_splitK_…` beside `splitKreduce_kernel`: Dao-AILab/quack#157). Assumed:
/// that it does so where the tiles alone fill no more than one wave, as far as its workspace of 32 MiB holds
/// the parts, and where it gains by it. The parts, in elements of `element` bytes, are written and read at
/// `memory` bytes a second.
constexpr Waves fastest_with_splits(std::int64_t rows, std::int64_t columns, std::int64_t inner,
                                    double element, std::int64_t multiprocessors, double rate,
                                    double memory) {
    constexpr std::int64_t most_splits = 32, least_part = 512;
    constexpr double workspace = 32 << 20;
    const double result = static_cast<double>(rows) * static_cast<double>(columns) * element;
    Waves best{};
    for (const Tile& tile : product_tiles) {
        const bool few = whole_parts(rows, tile.rows) * whole_parts(columns, tile.columns) < multiprocessors;
        for (std::int64_t splits = 1; splits <= (few ? most_splits : 1); ++splits) {
            const double parts = splits == 1 ? 0 : static_cast<double>(splits) * result;
            if (splits > 1 && (inner / splits < least_part || parts > workspace)) break;
            Waves now = waves_in(tile, splits, rows, columns, inner, multiprocessors, rate);
            now.seconds += 2 * parts / memory;
            if (best.waves == 0 || now.seconds < best.seconds) best = now;
        }
    }
    return best;
}

}  // namespace ntpgeo::device
