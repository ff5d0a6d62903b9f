#include "host/ranks/shares.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/training/shared_rows.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

std::int64_t settled_shards(std::int64_t asked, const Dataset& dataset, const Ranks& ranks) {
    constexpr std::int64_t usual = 16;
    const std::int64_t rows = std::min(dataset.vocab_size, dataset.contexts());
    if (ranks.size() > rows)
        throw InputError(fmt::format("{} ranks are more than the {} {} of the data set; start fewer",
                                     ranks.size(), rows, rows == dataset.contexts() ? "contexts" : "words"));
    const std::int64_t shards = asked == 0 && ranks.launched() ? std::min(usual, rows) : asked;
    if (shards == 0) return 0;
    require_rows(dataset, shards);
    if (shards < ranks.size())
        throw InputError(fmt::format("shards: {} are fewer than the {} ranks; give --shards {} or more",
                                     shards, ranks.size(), ranks.size()));
    return shards;
}

std::string device_of_ranks(const std::string& asked, const Ranks& ranks) {
    if (ranks.size() == 1) return asked;
    if (ranks.gpu()) {
        if (asked == "cpu")
            throw InputError("device: torchrun connects GPUs; on CPUs start the ranks by mpirun");
        return fmt::format("cuda:{}", *ranks.gpu());
    }
    if (asked != "cpu" && asked != "auto")
        throw InputError(fmt::format(
            "device: ranks that MPI has started compute on the CPU, not on {}; leave it out", asked));
    return "cpu";
}

}  // namespace ntpgeo
