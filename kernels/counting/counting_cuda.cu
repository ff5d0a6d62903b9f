#include <algorithm>
#include <limits>
#include <port.cuh>
#include <string>

#include "kernels/counting/counting.hpp"
#include "kernels/counting/ranges.hpp"
#include "kernels/counting/rows_cuda.cuh"
#include "kernels/counting/runs_cuda.cuh"
#include "kernels/device/device.cuh"

namespace ntpgeo::counting_cuda {
namespace {

constexpr std::int64_t most_places = std::numeric_limits<Place>::max() - 1;
// Bytes a token of the text: ids and ends; for good and for a while where ranks are needed.
constexpr std::int64_t text_bytes = 8, rank_bytes = 4 + 24;
// Bytes a token of a run, whose windows may all be distinct: sorting them takes 36 and more beside the
// entries that are there, merging them 64.
constexpr std::int64_t run_bytes = 80;
// RunLengthEncode counts what it reads in an int.
constexpr std::int64_t least_at_once = std::int64_t{1} << 18, most_at_once = std::int64_t{1} << 30;

/// Bytes an entry: merging takes 48, choosing among contexts of one entry each 76 and their tokens.
std::int64_t entry_bytes(const WindowOptions& options) {
    return 80 + 4 * options.context_length;
}

/// What a text takes, and what is left beside it.
struct Room {
    Room(const device::Device& device, const TextIds& text, const WindowOptions& options)
        : size(text.ids.size()),
          needs_ranks(bits_for(text.vocab_size) * (options.context_length + 1) > 64),
          free(device.free_memory()),
          whole(size * (text_bytes + (needs_ranks ? rank_bytes : 0))),
          least(std::min(size, least_at_once) * (run_bytes + entry_bytes(options))) {}

    [[nodiscard]] bool holds_text() const { return size <= most_places && whole + least <= free; }

    std::int64_t size;
    bool needs_ranks;
    std::int64_t free, whole, least;  ///< bytes; the last is what counting takes beside the text
};

Portions portions_for(const Room& room, const WindowOptions& options) {
    Portions portions{options.tokens_at_once, options.entries_at_once,
                      options.ids_at_once > 0 ? options.ids_at_once : std::int64_t{1} << 24,
                      room.needs_ranks || (room.holds_text() && !options.text_in_stretches)};
    const std::int64_t free = room.free - (portions.whole_text ? room.whole : 0);
    const std::int64_t a_token = run_bytes + (portions.whole_text ? 0 : text_bytes);
    if (portions.tokens == 0)
        portions.tokens = std::min(std::clamp(free / 2 / a_token, least_at_once, most_at_once), room.size);
    if (portions.entries == 0)
        portions.entries = std::clamp((free - portions.tokens * a_token) / entry_bytes(options),
                                      least_at_once, most_places - portions.tokens);
    return portions;
}

}  // namespace
}  // namespace ntpgeo::counting_cuda

namespace ntpgeo {
using namespace counting_cuda;

std::string CudaCountingOperations::why_not_counted(const TextIds& text, const WindowOptions& options) const {
    const Room room(device_, text, options);
    if (room.needs_ranks && room.size > most_places)
        return "a GPU counts windows of " + std::to_string(options.context_length + 1) + " tokens of " +
               std::to_string(text.vocab_size) + " in a text of at most " + std::to_string(most_places) +
               " tokens, and this one has " + std::to_string(room.size);
    if (room.holds_text() || (!room.needs_ranks && room.least <= room.free)) return "";
    return "counting " + std::to_string(room.size) + " tokens takes " +
           std::to_string(room.least + (room.needs_ranks ? room.whole : 0)) + " bytes or more, and " +
           device_.name() + " has " + std::to_string(room.free) + " free";
}

WindowCounts CudaCountingOperations::count_windows(const TextIds& text, const WindowOptions& options) {
    if (const std::string why = why_not_counted(text, options); !why.empty())
        throw InputError(why + "; the CPU counts it");
    WindowCounts counts;
    counts.indptr = {0};
    if (options.context_length >= text.ids.size()) return counts;  // an empty text's, too
    Counter counter(device_, text, options.context_length,
                    portions_for(Room(device_, text, options), options));
    for (Key begin = 0; begin != no_more;) {
        const Part part = counter.part_from(begin);
        add_rows(counts, Rows(device_, counter.pack(), counter.first_places()).select(part.entries, options),
                 options);
        begin = part.next;
    }
    return counts;
}

}  // namespace ntpgeo
