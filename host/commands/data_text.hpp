// Data sets that are counted in text: what `ntpgeo data text`, `data stories` and the demo make.
#pragma once

#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/data/settings.hpp"

namespace ntpgeo {

/// The data set of the text of `files`, "-" being the standard input; `lines` gets a description of what was
/// kept. Throws InputError.
Dataset count_text(const std::vector<std::string>& files, const TextSettings& settings, std::string& lines);

/// The data set of so many stories.
Dataset make_stories(const StoriesSettings& settings, std::string& lines);

}  // namespace ntpgeo
