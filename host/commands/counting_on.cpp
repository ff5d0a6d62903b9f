#include "host/commands/counting_on.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "engine/machine/device.hpp"
#include "engine/machine/memory.hpp"
#include "host/files/disk_scratch.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
// What comes and goes beside what counting has taken into account.
constexpr std::int64_t margin = 8 * mebibyte;

/// How far counting is, how fast, and how long it will take.
class CountingLine {
  public:
    void show(const CountingProgress& at) {
        if (work_ != at.work) {
            work_ = at.work;
            start_ = Clock::now();
            first_ = at.done;
        }
        const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
        const double rate = static_cast<double>(at.done - first_) / seconds;
        std::string line = fmt::format("{}: {:.4g} of {:.4g} million {}", at.work, millions(at.done),
                                       millions(at.of), at.unit);
        if (rate > 0)
            line += fmt::format(", {:.3g} million/s, {} left", rate / 1e6,
                                duration_text(static_cast<double>(at.of - at.done) / rate));
        progress_.show(line);
    }

  private:
    using Clock = std::chrono::steady_clock;
    static double millions(std::int64_t number) { return static_cast<double>(number) / 1e6; }

    Progress progress_{0};
    std::string work_;
    Clock::time_point start_;
    std::int64_t first_ = 0;
};

std::int64_t whole_mebibytes(std::int64_t bytes) {
    return (bytes + mebibyte - 1) / mebibyte;
}

/// What counting may take beside what the process has already.
std::int64_t counting_memory(const CountingOn& on, const Backend& cpu) {
    if (!on.memory) return std::max<std::int64_t>(available_memory(cpu) / 4 * 3, 1);
    const ResidentMemory resident = resident_memory();
    if (resident.most > *on.memory)
        throw InputError(fmt::format("--memory {}: reading alone has taken {}; give --memory {}MiB or more",
                                     bytes_text(*on.memory), bytes_text(resident.most),
                                     whole_mebibytes(resident.most + margin)));
    return std::max<std::int64_t>(*on.memory - resident.now - margin, 1);
}

[[noreturn]] void refuse_memory(const CountingOn& on, const TooLittleMemory& error, std::int64_t given) {
    if (!on.memory)
        throw InputError(fmt::format("{}, and {} are free; keep fewer contexts (--min-count, --contexts)",
                                     error.what(), bytes_text(given)));
    throw InputError(fmt::format(
        "--memory {}: {}, and the program and the text have the rest; give --memory {}MiB or more, or keep "
        "fewer contexts (--min-count, --contexts)",
        bytes_text(*on.memory), error.what(),
        whole_mebibytes(*on.memory - given + error.least() + mebibyte)));
}

}  // namespace

NgramDataset count_on(const CountingOn& on, const TokenSequence& ids,
                      const std::vector<std::int64_t>& document_ends, std::vector<std::string> vocabulary,
                      const NgramOptions& options, std::string& lines) {
    const bool open = on.device == "auto";
    const std::string chosen = !open                           ? on.device
                               : ids.size() >= gpu_counts_from ? resolve_device(on.device)
                                                               : "cpu";
    std::unique_ptr<Backend> backend = make_backend(chosen);
    if (chosen != "cpu" && open) {
        const WindowOptions windows{.context_length = options.context_length};
        const TextIds text{ids, document_ends, static_cast<std::int64_t>(vocabulary.size())};
        if (!backend->why_not_counted(text, windows).empty()) backend = make_backend("cpu");
    }
    if (const std::string device = backend->device(); device != "cpu")
        lines += fmt::format("{:<12}{}\n", "counted on", device);
    DiskScratch scratch(on.folder);
    CountingLine line;
    const CountingMeans means{.memory = counting_memory(on, *make_backend("cpu")),
                              .scratch = on.folder.empty() ? nullptr : &scratch,
                              .progress = [&](const CountingProgress& at) { line.show(at); }};
    try {
        return count_ngrams(*backend, ids, document_ends, std::move(vocabulary), options, means);
    } catch (const TooLittleMemory& error) {
        refuse_memory(on, error, means.memory);
    }
}

}  // namespace ntpgeo
