#include "host/commands/counting_on.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include "engine/machine/device.hpp"
#include "engine/machine/memory.hpp"
#include "engine/machine/seconds.hpp"
#include "host/files/disk_scratch.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"
#include "kernels/counting/counting_plan.hpp"

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

/// What counts: the device, or what "auto" comes to for such a text.
std::unique_ptr<Backend> counter_of(const CountingOn& on, const TextIds& text, std::int64_t context_length) {
    const bool open = on.device == "auto";
    const std::string chosen = !open                                ? on.device
                               : text.ids.size() >= gpu_counts_from ? resolve_device(on.device)
                                                                    : "cpu";
    std::unique_ptr<Backend> backend = make_backend(chosen);
    const bool can = backend->why_not_counted(text, {.context_length = context_length}).empty();
    return open && chosen != "cpu" && !can ? make_backend("cpu") : std::move(backend);
}

/// The beginning of a text.
class FirstTokens : public TokenSequence {
  public:
    FirstTokens(const TokenSequence& all, std::int64_t size) : all_(all), size_(std::min(size, all.size())) {}

    [[nodiscard]] std::int64_t size() const override { return size_; }
    void read(std::int64_t begin, std::span<std::int32_t> out) const override { all_.read(begin, out); }

  private:
    const TokenSequence& all_;
    std::int64_t size_;
};

/// Seconds for a text, from those of its beginning.
double counting_seconds(Backend& backend, const TextIds& text, const WindowOptions& options) {
    constexpr std::int64_t timed = std::int64_t{1} << 22;
    const FirstTokens first(text.ids, timed);
    std::vector<std::int64_t> ends;
    for (auto end = text.document_ends.begin(); end != text.document_ends.end() && *end < first.size(); ++end)
        ends.push_back(*end);
    ends.push_back(first.size());
    const double seconds = seconds_of([&] {
        static_cast<void>(backend.count_windows({first, ends, text.vocab_size}, options));
    });
    return seconds * static_cast<double>(text.ids.size()) / static_cast<double>(first.size());
}

}  // namespace

std::function<void(const CountingProgress&)> counting_line() {
    return [line = std::make_shared<CountingLine>()](const CountingProgress& at) { line->show(at); };
}

NgramDataset count_on(const CountingOn& on, const TokenSequence& ids,
                      const std::vector<std::int64_t>& document_ends, std::vector<std::string> vocabulary,
                      const NgramOptions& options, std::string& lines) {
    const std::unique_ptr<Backend> backend = counter_of(
        on, {ids, document_ends, static_cast<std::int64_t>(vocabulary.size())}, options.context_length);
    if (const std::string device = backend->device(); device != "cpu")
        lines += fmt::format("{:<12}{}\n", "counted on", device);
    DiskScratch scratch(on.folder);
    const CountingMeans means{.memory = counting_memory(on, *make_backend("cpu")),
                              .scratch = on.folder.empty() ? nullptr : &scratch,
                              .progress = counting_line()};
    try {
        return count_ngrams(*backend, ids, document_ends, std::move(vocabulary), options, means);
    } catch (const TooLittleMemory& error) {
        refuse_memory(on, error, means.memory);
    }
}

std::string rehearse_counting(const CountingOn& on, const TokenSequence& ids,
                              const std::vector<std::int64_t>& document_ends, std::int64_t vocab_size,
                              const NgramOptions& options) {
    const TextIds text{ids, document_ends, vocab_size};
    const std::unique_ptr<Backend> backend = counter_of(on, text, options.context_length);
    DiskScratch scratch(on.folder);
    WindowOptions windows{
        .context_length = options.context_length,
        .min_count = options.min_count,
        .most_contexts = options.max_contexts.value_or(std::numeric_limits<std::int64_t>::max()),
        .means = {.memory = counting_memory(on, *make_backend("cpu")),
                  .scratch = on.folder.empty() ? nullptr : &scratch}};
    std::string lines = fmt::format("{:<12}{}\n", "device", backend->device());
    try {
        if (backend->device() == "cpu") {
            const CountingPlan plan = plan_counting(ids.size(), vocab_size, windows);
            const std::string keys =
                plan.key_bytes > 0
                    ? fmt::format("keys of {} bytes in {}", plan.key_bytes, plural(plan.runs, "run"))
                    : std::string("a hash table");
            lines += fmt::format("{:<12}{}\n{:<12}{} at most, and the rows that are kept\n", "windows", keys,
                                 "memory", bytes_text(plan.memory));
            if (plan.scratch > 0)
                lines += fmt::format("{:<12}{} at most, beside the output, for a while\n", "disk",
                                     bytes_text(plan.scratch));
        }
        lines += fmt::format("{:<12}about {} to count them\n", "time",
                             duration_text(counting_seconds(*backend, text, windows)));
    } catch (const TooLittleMemory& error) {
        refuse_memory(on, error, windows.means.memory);
    }
    return lines;
}

}  // namespace ntpgeo
