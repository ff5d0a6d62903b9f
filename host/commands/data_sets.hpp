// Data sets as the verbs of `ntpgeo data` count them in text, and as they tell people and programs what one
// holds.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/data/settings.hpp"

namespace ntpgeo {

/// The data set of the text of `files`, "-" being the standard input; `lines` gets a description of what was
/// kept. `device` counts, a resolved name, or "auto": the first GPU where there is one and the text is long
/// enough for it (`gpu_counts_from`), else the CPU; the data set is the same. Throws InputError.
Dataset count_text(const std::vector<std::string>& files, const TextSettings& settings,
                   const std::string& device, std::string& lines);

/// Tokens from which `auto` counts on a GPU: the CPU takes about a second for them, a GPU's start half of
/// that (predicted).
inline constexpr std::int64_t gpu_counts_from = 1'000'000;

/// The data set of so many stories.
Dataset make_stories(const StoriesSettings& settings, std::string& lines);

/// Sizes, supports, entropy and classes in aligned lines, each ended by a newline.
std::string summary_text(const Dataset& dataset);

/// The above with the source, the histogram of support sizes and the largest support classes.
std::string info_text(const Dataset& dataset);

/// All of info_text as one object. Keys: source, vocab_size, contexts, nnz, context_length and windows (null
/// where unknown), entropy (nats), perplexity, support_size {min, mean, max, histogram [{from, to,
/// contexts}]} and support_classes {count, shared, contexts_in_shared, largest [{contexts, support_size,
/// support, examples
/// [{context, tokens}]}]}; shared classes are those of two contexts or more. Tokens are their readable form,
/// or
/// "#id" without a vocabulary; examples and supports are cut to the first few.
nlohmann::ordered_json info_json(const Dataset& dataset);

}  // namespace ntpgeo
