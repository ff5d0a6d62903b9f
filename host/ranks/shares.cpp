#include "host/ranks/shares.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/status.hpp"

namespace ntpgeo {

std::int64_t settled_shards(std::int64_t asked, const std::vector<SharedSide>& sides, const Ranks& ranks) {
    constexpr std::int64_t usual = 16;
    const auto [name, rows] = *std::min_element(
        sides.begin(), sides.end(), [](const SharedSide& a, const SharedSide& b) { return a.rows < b.rows; });
    if (ranks.size() > rows)
        throw InputError(fmt::format("{} ranks are more than the {} {} of the data set; start fewer",
                                     ranks.size(), rows, name));
    const std::int64_t shards = asked == 0 && ranks.launched() ? std::min(usual, rows) : asked;
    if (shards > rows)
        throw InputError(
            fmt::format("shards: {} are more than the {} {} of the data set", shards, rows, name));
    if (shards != 0 && shards < ranks.size())
        throw InputError(fmt::format("shards: {} are fewer than the {} ranks; give --shards {} or more",
                                     shards, ranks.size(), ranks.size()));
    return shards;
}

std::int64_t settled_shards(std::int64_t asked, const Dataset& dataset, const Ranks& ranks) {
    return settled_shards(asked, {{"words", dataset.vocab_size}, {"contexts", dataset.contexts()}}, ranks);
}

void require_shards_of_begun(bool begun, std::int64_t shards, const Ranks& ranks) {
    if (begun && shards == 0 && ranks.launched())
        throw InputError(
            "shards: the run was begun without, so that only one process can go on with it; "
            "start it without a launcher, or a new one with --shards");
}

std::string device_of_ranks(const std::string& asked, const Ranks& ranks) {
    if (ranks.size() == 1) return asked;
    const RankGpu& gpu = ranks.gpu();
    if (asked == "cpu" && ranks.only_gpus())
        throw InputError("device: torchrun connects GPUs; on CPUs start the ranks by mpirun");
    if (asked == "cpu" || (asked == "auto" && !gpu.index)) return "cpu";
    if (!gpu.index)
        throw InputError(
            fmt::format("device: '{}' needs a GPU for each rank, and {}; use cpu", asked, gpu.why_none));
    return fmt::format("cuda:{}", *gpu.index);
}

std::string text_of_shards(std::int64_t shards, const Ranks& ranks, const std::string& device) {
    const bool on_cpu_for_want = device == "cpu" && !ranks.gpu().why_none.empty();
    return fmt::format("{} shards on {} rank{}{}", shards, ranks.size(), ranks.size() == 1 ? "" : "s",
                       on_cpu_for_want ? "; no GPU for each: " + ranks.gpu().why_none : "");
}

}  // namespace ntpgeo
