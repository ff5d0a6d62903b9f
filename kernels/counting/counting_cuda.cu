#include <algorithm>
#include <limits>
#include <port.cuh>
#include <string>

#include "kernels/counting/counting.hpp"
#include "kernels/counting/rows_cuda.cuh"
#include "kernels/counting/runs_cuda.cuh"
#include "kernels/device/device.cuh"

namespace ntpgeo::counting_cuda {
namespace {

constexpr std::int64_t most_tokens = std::numeric_limits<Place>::max() - 1;
// What is taken for each token: ids and ends; for good and for a while where ranks are needed; and in a run,
// where every window may be another.
constexpr std::int64_t text_bytes = 8, rank_bytes = 4 + 24, run_bytes = 48;
// RunLengthEncode counts what it reads in an int.
constexpr std::int64_t least_at_once = std::int64_t{1} << 20, most_at_once = std::int64_t{1} << 30;

/// What the text takes for as long as it is counted, in bytes.
std::int64_t resident_bytes(const TextIds& text, const WindowOptions& options) {
    const bool ranks = bits_for(text.vocab_size) * (options.context_length + 1) > 64;
    return static_cast<std::int64_t>(text.ids.size()) * (text_bytes + (ranks ? rank_bytes : 0));
}

std::int64_t tokens_at_once(const device::Device& device, const TextIds& text, const WindowOptions& options) {
    if (options.tokens_at_once > 0) return options.tokens_at_once;
    return std::clamp((device.free_memory() - resident_bytes(text, options)) / run_bytes, least_at_once,
                      most_at_once);
}

}  // namespace
}  // namespace ntpgeo::counting_cuda

namespace ntpgeo {
using namespace counting_cuda;

std::string CudaCountingOperations::why_not_counted(const TextIds& text, const WindowOptions& options) const {
    const auto size = static_cast<std::int64_t>(text.ids.size());
    if (size > most_tokens)
        return "a GPU counts a text of at most " + std::to_string(most_tokens) +
               " tokens, and this one has " + std::to_string(size);
    const std::int64_t needed = resident_bytes(text, options) + std::min(size, least_at_once) * run_bytes;
    const std::int64_t free = device_.free_memory();
    if (needed <= free) return "";
    return "counting " + std::to_string(size) + " tokens takes " + std::to_string(needed) +
           " bytes or more, and " + device_.name() + " has " + std::to_string(free) + " free";
}

WindowCounts CudaCountingOperations::count_windows(const TextIds& text, const WindowOptions& options) {
    if (const std::string why = why_not_counted(text, options); !why.empty())
        throw InputError(why + "; the CPU counts it");
    WindowCounts none;
    none.indptr = {0};
    if (options.context_length >= static_cast<std::int64_t>(text.ids.size()))
        return none;  // an empty text's, too
    Counter counter(device_, text, options.context_length, tokens_at_once(device_, text, options));
    const Run all = counter.count();
    WindowCounts counts = Rows(device_, counter.pack(), counter.first_places()).select(all, options);
    counts.windows = counter.windows();
    return counts;
}

}  // namespace ntpgeo
