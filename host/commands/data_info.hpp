// What a data set holds, told to people and to programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

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
