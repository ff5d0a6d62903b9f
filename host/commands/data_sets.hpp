// Data sets as the verbs of `ntpgeo data` count them.
#pragma once

#include <string>
#include <vector>

#include "engine/data/counting.hpp"
#include "engine/data/dataset.hpp"
#include "engine/data/settings.hpp"
#include "host/commands/counting_on.hpp"

namespace ntpgeo {

/// The data set of the text of `files`, "-" being the standard input, counted as count_on does; `lines` gets
/// a description of what was kept. In a rehearsal they tell what counting would take, and the data set is
/// empty. Throws InputError.
Dataset count_text(const std::vector<std::string>& files, const TextSettings& settings, const CountingOn& on,
                   std::string& lines);

/// The data set of the ids in `files`, as `token_paths` and `open_ids` take them; the ids are read where they
/// lie. For the rest as count_text. Throws InputError, for an id that is not in the vocabulary before
/// anything is counted.
Dataset count_tokens(const std::vector<std::string>& files, const TokensSettings& settings,
                     const CountingOn& on, std::string& lines);

/// Stories, a line each, as words.
Corpus corpus_of_stories(const std::string& text);

/// The data set of so many stories.
Dataset make_stories(const StoriesSettings& settings, std::string& lines);

}  // namespace ntpgeo
