// A data set's words and contexts as people can read them on one line.
#pragma once

#include <cstdint>
#include <string>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// Word `id` in the form of printable_token, in quotes where it is empty or holds a space; "#id" where the
/// data set has no vocabulary. Always valid UTF-8 without control characters.
std::string shown_word(const Dataset& dataset, std::int64_t id);

/// The words of a context, joined by spaces; "context J" where the data set does not have them.
std::string shown_context(const Dataset& dataset, std::int64_t context);

}  // namespace ntpgeo
