#include "host/report/labels.hpp"

#include <algorithm>
#include <numeric>

namespace ntpgeo {

std::vector<double> place_labels(const std::vector<double>& wanted, double height, double top,
                                 double bottom) {
    const std::size_t count = wanted.size();
    if (count > 1) height = std::min(height, (bottom - top) / static_cast<double>(count - 1));
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return wanted[a] < wanted[b]; });

    // With offset_i = i·height taken off, "no overlap" reads "non-decreasing": isotonic regression by pooling
    // neighbours that violate it into blocks with one mean.
    struct Block {
        double mean;
        std::size_t size;
    };
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < count; ++i) {
        blocks.push_back({wanted[order[i]] - static_cast<double>(i) * height, 1});
        while (blocks.size() > 1 && blocks[blocks.size() - 2].mean > blocks.back().mean) {
            const Block last = blocks.back();
            blocks.pop_back();
            Block& block = blocks.back();
            const auto a = static_cast<double>(block.size), b = static_cast<double>(last.size);
            block = {(a * block.mean + b * last.mean) / (a + b), block.size + last.size};
        }
    }
    std::vector<double> placed(count);
    const double highest = bottom - (count > 0 ? static_cast<double>(count - 1) * height : 0.0);
    std::size_t i = 0;
    for (const Block& block : blocks) {
        for (std::size_t member = 0; member < block.size; ++member, ++i) {
            placed[order[i]] =
                std::clamp(block.mean, top, std::max(top, highest)) + static_cast<double>(i) * height;
        }
    }
    return placed;
}

}  // namespace ntpgeo
