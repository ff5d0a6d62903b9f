// Data sets as the verbs of `ntpgeo data` count them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/data/settings.hpp"

namespace ntpgeo {

/// The data set of the text of `files`, "-" being the standard input; `lines` gets a description of what was
/// kept. `device` counts, a resolved name, or "auto": the first GPU where there is one and the text is long
/// enough for it (count_on), else the CPU; the data set is the same. What the CPU's memory does not
/// bear lies in `folder` for a while. Throws InputError.
Dataset count_text(const std::vector<std::string>& files, const TextSettings& settings,
                   const std::string& device, const std::filesystem::path& folder, std::string& lines);

/// The data set of the ids in `files`, as `token_paths` and `open_ids` take them; the ids are read where they
/// lie. For the rest as count_text. Throws InputError, for an id that is not in the vocabulary before
/// anything is counted.
Dataset count_tokens(const std::vector<std::string>& files, const TokensSettings& settings,
                     const std::string& device, const std::filesystem::path& folder, std::string& lines);

/// The data set of so many stories.
Dataset make_stories(const StoriesSettings& settings, std::string& lines);

}  // namespace ntpgeo
