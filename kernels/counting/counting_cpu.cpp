#include "kernels/counting/counting.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/counting/counting_plan.hpp"
#include "kernels/counting/keys_cpu.hpp"
#include "kernels/counting/rows_cpu.hpp"
#include "kernels/counting/runs_cpu.hpp"
#include "kernels/counting/sorted_cpu.hpp"
#include "kernels/counting/table_cpu.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace counting_cpu {
namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

/// Scratch for those who gave none.
class MemoryScratch : public Scratch {
  public:
    std::unique_ptr<ScratchFile> make() override { return std::make_unique<File>(); }
    void require(std::int64_t) const override {}

  private:
    class File : public ScratchFile {
      public:
        void append(std::span<const std::byte> bytes) override {
            bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        }
        void read(std::int64_t begin, std::span<std::byte> out) const override {
            std::copy_n(bytes_.begin() + begin, out.size(), out.begin());
        }

      private:
        std::vector<std::byte> bytes_;
    };
};

/// What counting has memory for.
struct Shares {
    /// Of so many tokens, and keys of so many bytes.
    Shares(std::int64_t size, const WindowOptions& options, std::int64_t key_bytes)
        : memory(options.means.memory > 0 ? options.means.memory : std::numeric_limits<std::int64_t>::max()) {
        // Each thread counts heads and holds keys back, and the tables of rows are there.
        beside = (team_size() + 3) * mebibyte;
        least = beside + 2 * mebibyte + std::min(size, mebibyte / 16) * key_bytes;
        const std::int64_t keys = options.means.memory > 0 ? (memory - beside) / 8 * 7 : 1024 * mebibyte;
        run_tokens = std::clamp(keys / key_bytes, std::int64_t{1}, std::max<std::int64_t>(size, 1));
        if (options.tokens_at_once > 0) run_tokens = std::min(run_tokens, options.tokens_at_once);
        merging =
            options.means.memory > 0 ? std::clamp(memory / 8, mebibyte, 256 * mebibyte) : 256 * mebibyte;
    }

    /// Throws TooLittleMemory where nothing can be counted with it.
    void require_least() const {
        if (memory < least)
            throw TooLittleMemory("counting takes " + std::to_string(least) + " bytes or more", least);
    }

    /// Runs that can be read side by side.
    [[nodiscard]] std::int64_t most_runs() const { return merging / least_read; }

    static constexpr std::int64_t least_read = mebibyte / 16;  // of a run at a time, while it is merged

    std::int64_t memory, least;
    std::int64_t beside;      ///< bytes that are always taken
    std::int64_t run_tokens;  ///< sorted at a time
    std::int64_t merging;     ///< bytes that are read ahead of runs
};

template <int W>
class SortedCounting {
  public:
    SortedCounting(const TextIds& text, const WindowOptions& options)
        : text_(text),
          options_(options),
          shares_(text.ids.size(), options, sizeof(Key<W>)),
          packing_(text.vocab_size, options.context_length, shares_.run_tokens),
          rows_(options),
          scratch_(options.means.scratch ? *options.means.scratch : in_memory_) {}

    WindowCounts count() {
        shares_.require_least();
        std::vector<StoredRun> runs;
        bool looked = false;
        {
            const std::int64_t size = text_.ids.size();
            SortedKeys<W> keys(packing_, shares_.run_tokens);
            auto file = std::shared_ptr<ScratchFile>();
            for (std::int64_t begin = 0; begin < size; begin += shares_.run_tokens) {
                const std::int64_t end = std::min(begin + shares_.run_tokens, size);
                show("counting", "tokens", begin, size);
                keys.take(text_, begin, end);
                if (end - begin == size) {
                    keys.share_entries([&] { return Tally<W>(packing_); },
                                       [&](Tally<W>& tally) { rows_.add(tally); });
                    rows_.choose();
                    looked = true;
                    const std::int64_t bytes = keys.size() * static_cast<std::int64_t>(sizeof(Key<W>));
                    if (shares_.beside + bytes + rows_.bytes() <= shares_.memory || !options_.means.scratch)
                        return written_by_ranges(keys);
                }
                if (!file) file = scratch_.make();
                runs.push_back(store(keys, file, runs.empty() ? 0 : runs.back().end));
                if (begin == 0 && end < size)
                    scratch_.require(static_cast<std::int64_t>(static_cast<double>(runs.back().end) *
                                                               static_cast<double>(size - end) /
                                                               static_cast<double>(end)));
            }
            show("counting", "tokens", size, size);
        }
        narrow(runs);
        if (!looked) {
            Tally<W> tally(packing_);
            tally.begin_range(0);
            merge(runs, "merging, 1 of 2", [&](const Key<W>& key, std::int64_t n) { tally.take(key, n); });
            tally.end_range();
            rows_.add(tally);
            rows_.choose();
        }
        const std::int64_t needed = shares_.beside + shares_.merging + rows_.bytes();
        if (needed > shares_.memory)
            throw TooLittleMemory("the contexts that are kept take " + std::to_string(needed) +
                                      " bytes with what counting takes beside them",
                                  needed);
        rows_.make_room();
        RowWriter<W> writer(packing_, rows_);
        writer.begin_all();
        merge(runs, "merging, 2 of 2", [&](const Key<W>& key, std::int64_t n) { writer.take(key, n); });
        writer.end_range();
        return rows_.finish(writer.written());
    }

  private:
    static constexpr std::int64_t run_buffer = mebibyte, entry_bytes = 8;

    void show(const char* work, const char* unit, std::int64_t done, std::int64_t of) const {
        if (options_.means.progress) options_.means.progress({work, unit, done, of});
    }

    WindowCounts written_by_ranges(const SortedKeys<W>& keys) {
        rows_.make_room();
        std::int64_t written = 0;
        keys.share_entries([&] { return RowWriter<W>(packing_, rows_); },
                           [&](const RowWriter<W>& writer) { written += writer.written(); });
        return rows_.finish(written);
    }

    StoredRun store(const SortedKeys<W>& keys, const std::shared_ptr<ScratchFile>& file, std::int64_t begin) {
        RunWriter<W> writer(file, begin, std::min(run_buffer, keys.size() * entry_bytes));
        keys.for_each_entry([&](const Key<W>& key, std::int64_t count) { writer.add(key, count); });
        return writer.finish();
    }

    template <class Take>
    void merge(const std::vector<StoredRun>& runs, const char* work, const Take& take) {
        std::int64_t bytes = 0;
        for (const StoredRun& run : runs) bytes += run.end - run.begin;
        merge_runs<W>(runs, shares_.merging, take,
                      [&](std::int64_t read) { show(work, "bytes of runs", read, bytes); });
    }

    /// Merges runs until they are few enough to be read side by side.
    void narrow(std::vector<StoredRun>& runs) {
        const auto most = static_cast<std::size_t>(shares_.most_runs());
        while (runs.size() > most) {
            std::vector<StoredRun> longer;
            const std::shared_ptr<ScratchFile> file = scratch_.make();
            for (std::size_t begin = 0; begin < runs.size(); begin += most) {
                const std::vector<StoredRun> some(
                    runs.begin() + static_cast<std::ptrdiff_t>(begin),
                    runs.begin() + static_cast<std::ptrdiff_t>(std::min(begin + most, runs.size())));
                RunWriter<W> writer(file, longer.empty() ? 0 : longer.back().end, run_buffer);
                merge(some, "merging runs",
                      [&](const Key<W>& key, std::int64_t count) { writer.add(key, count); });
                longer.push_back(writer.finish());
            }
            runs = std::move(longer);  // whose file goes, with all that was merged
        }
    }

    const TextIds& text_;
    const WindowOptions& options_;
    Shares shares_;
    Packing<W> packing_;
    Rows rows_;
    MemoryScratch in_memory_;
    Scratch& scratch_;
};

std::int64_t table_memory(std::int64_t tokens, std::int64_t bits, const WindowOptions& options) {
    const std::int64_t table = tokens * table_bytes;
    if (options.means.memory > 0 && options.means.memory < table)
        throw TooLittleMemory("windows of " + std::to_string(bits) + " bits take a table, and that " +
                                  std::to_string(table) + " bytes",
                              table);
    return table;
}

}  // namespace
}  // namespace counting_cpu

CountingPlan plan_counting(std::int64_t tokens, std::int64_t vocab_size, const WindowOptions& options) {
    using namespace counting_cpu;
    const std::int64_t bits = window_bits(vocab_size, options.context_length);
    if (bits > 256) return {.memory = table_memory(tokens, bits, options)};
    CountingPlan plan{.key_bytes = bits <= 64 ? 8 : bits <= 128 ? 16 : 32};
    const Shares shares(tokens, options, plan.key_bytes);
    shares.require_least();
    plan.runs = std::max<std::int64_t>(1, (tokens + shares.run_tokens - 1) / shares.run_tokens);
    plan.memory = shares.beside + shares.run_tokens * plan.key_bytes;
    if (plan.runs == 1) return plan;
    plan.memory = std::max(plan.memory, shares.beside + shares.merging);
    plan.scratch = tokens * (1 + plan.key_bytes);           // each window another, and seen once
    if (plan.runs > shares.most_runs()) plan.scratch *= 2;  // longer runs are made of them
    return plan;
}

WindowCounts CpuCountingOperations::count_windows(const TextIds& text, const WindowOptions& options) {
    using namespace counting_cpu;
    const std::int64_t bits = window_bits(text.vocab_size, options.context_length);
    if (bits <= 64) return SortedCounting<1>(text, options).count();
    if (bits <= 128) return SortedCounting<2>(text, options).count();
    if (bits <= 256) return SortedCounting<4>(text, options).count();
    table_memory(text.ids.size(), bits, options);
    return count_by_table(text, options);
}

}  // namespace ntpgeo
