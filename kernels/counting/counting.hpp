// Exact counts of what follows which context in a text (design 2.3).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "kernels/counting/scratch.hpp"
#include "kernels/counting/tokens.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// A text as ids.
struct TextIds {
    const TokenSequence& ids;                     ///< [T] in 0 .. V−1, or −1: outside the vocabulary
    std::span<const std::int64_t> document_ends;  ///< [D] strictly increasing; the last one is T
    std::int64_t vocab_size = 0;                  ///< V
};

/// How far counting is.
struct CountingProgress {
    const char* work;  ///< "counting"; "merging, 1 of 2" and "merging, 2 of 2" runs
    const char* unit;  ///< of what: "tokens"
    std::int64_t done, of;
};

/// What the CPU counts with.
struct CountingMeans {
    std::int64_t memory = 0;     ///< bytes to do with, the result and a data set of it included; 0: any
    Scratch* scratch = nullptr;  ///< where runs go that memory does not bear; null: into memory after all
    /// Called now and then, on the caller's thread.
    std::function<void(const CountingProgress&)> progress = nullptr;
};

/// Counting was given less memory than it takes.
class TooLittleMemory : public InputError {
  public:
    TooLittleMemory(const std::string& message, std::int64_t least) : InputError(message), least_(least) {}
    [[nodiscard]] std::int64_t least() const { return least_; }

  private:
    std::int64_t least_;  ///< bytes
};

/// Which windows are counted and which contexts are kept; all numbers are at least 1.
struct WindowOptions {
    std::int64_t context_length = 1;  ///< N
    std::int64_t min_count = 1;       ///< contexts seen less often are dropped
    /// Of the others, so many of the most frequent.
    std::int64_t most_contexts = std::numeric_limits<std::int64_t>::max();

    // How it is gone about, which changes no result.
    std::int64_t tokens_at_once = 0;  ///< sorted in one run; 0: what memory bears
    // By a GPU.
    std::int64_t entries_at_once = 0;  ///< distinct windows kept at a time; 0: what its memory bears
    std::int64_t ids_at_once = 0;      ///< uploaded in one piece; 0: 64 MiB of them
    bool text_in_stretches = false;    ///< uploaded again for each run, as is a text that does not fit
    CountingMeans means = {};
};

/// Counts in host memory, a row a kept context.
struct WindowCounts {
    std::int64_t windows = 0;   ///< counted: those that lie in one document and hold no −1
    std::int64_t contexts = 0;  ///< distinct contexts among them
    std::int64_t most = 0;      ///< windows of the most frequent context
    /// Of the next token, in nats: its mean over all counted windows. Not of a GPU, nor of windows that no
    /// key of the CPU holds.
    std::optional<double> entropy;
    std::vector<std::int32_t> context_tokens;  ///< [rows, N]
    std::vector<std::int64_t> indptr;          ///< [rows+1]
    std::vector<std::int32_t> next;            ///< [nnz] ids, ascending in each row
    std::vector<std::int64_t> counts;          ///< [nnz] of the context followed by that id
};

class CountingOperations {
  public:
    virtual ~CountingOperations() = default;

    /// Why this device cannot count such a text, in words without a full stop: known beforehand. Empty where
    /// it can.
    [[nodiscard]] virtual std::string why_not_counted(const TextIds& text,
                                                      const WindowOptions& options) const = 0;
    /// Counts every window of N + 1 tokens. Rows are the kept contexts by falling count, ties by their
    /// tokens, lexicographic. Exact, so that every backend gives the same numbers.
    virtual WindowCounts count_windows(const TextIds& text, const WindowOptions& options) = 0;
};

/// Sorts windows as keys of 64, 128 or 256 bits, of as many tokens at a time as memory bears (8, 16 or 32
/// bytes a token; by itself a run of 2^27 tokens takes at most 1 GiB), by all threads. One run is looked at
/// where it lies; several go to scratch, about 6 bytes a distinct window, and are merged. Twice: the first
/// time tells how often each context is seen, and so which are kept and where their rows belong; the second
/// writes them there. Memory besides: the result.
///
/// Windows of more bits go through a hash table of contexts, on one thread: 12 bytes a token, about 50 a
/// distinct context, of which there are at most 4294967294 (else InputError).
///
/// Throws TooLittleMemory: beforehand where `memory` is below the least that works, and once the rows are
/// known where they do not fit. What reading the text or scratch throws is let through.
class CpuCountingOperations : public virtual CountingOperations {
  public:
    [[nodiscard]] std::string why_not_counted(const TextIds&, const WindowOptions&) const override {
        return "";
    }
    WindowCounts count_windows(const TextIds& text, const WindowOptions& options) override;
};

/// Sorts windows as 64-bit keys of their tokens; of longer ones that need more bits, of the ranks of shorter
/// windows that cover them. The text lies on the device, 8 bytes a token (12 and, for a while, 24 more where
/// ranks are needed), or without ranks a stretch at a time. As much of it is sorted at once as free memory
/// bears; runs are merged, and where the distinct windows do not fit, one range of contexts after another is
/// counted and its rows taken down. Throws InputError, before anything is allocated, where ranks are needed
/// and the text takes more than 4294967294 tokens or the memory there is; OutOfDeviceMemory where what
/// follows one context does not fit.
class CudaCountingOperations : public virtual CountingOperations {
  public:
    explicit CudaCountingOperations(device::Device& device) : device_(device) {}
    [[nodiscard]] std::string why_not_counted(const TextIds& text,
                                              const WindowOptions& options) const override;
    WindowCounts count_windows(const TextIds& text, const WindowOptions& options) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
