// On what windows are counted, and with how much memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/counting.hpp"

namespace ntpgeo {

struct CountingOn {
    std::string device;                  ///< a resolved name, or "auto"
    std::filesystem::path folder;        ///< of the files that hold what a CPU's memory does not; "": none
    std::optional<std::int64_t> memory;  ///< bytes that the process may take; none: by what is free
    bool rehearsal = false;              ///< nothing is counted but what is timed
};

/// Tokens from which `auto` counts on a GPU, where there is one: the CPU takes about a tenth of a second for
/// them, a GPU's start half a second (predicted).
inline constexpr std::int64_t gpu_counts_from = 10'000'000;

/// Shows on stderr how far counting is, how fast, and how long it will take, until it and its copies are
/// gone.
std::function<void(const CountingProgress&)> counting_line();

/// count_ngrams, with progress on stderr; `lines` says where a GPU has counted. Throws InputError naming
/// --memory and the least that works where that is too little.
NgramDataset count_on(const CountingOn& on, const TokenSequence& ids,
                      const std::vector<std::int64_t>& document_ends, std::vector<std::string> vocabulary,
                      const NgramOptions& options, std::string& lines);

/// What count_on would take, as lines of a description: keys, memory and disk of a CPU, and the time, from
/// that of the text's beginning. Throws InputError as it does beforehand.
std::string rehearse_counting(const CountingOn& on, const TokenSequence& ids,
                              const std::vector<std::int64_t>& document_ends, std::int64_t vocab_size,
                              const NgramOptions& options);

}  // namespace ntpgeo
