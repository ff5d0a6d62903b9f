// Concepts for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/data/dataset.hpp"
#include "engine/geometry/concepts.hpp"

namespace ntpgeo {

/// A concept space and which matrix it is of.
struct Concepts {
    std::string matrix;                     ///< "centred support matrix", "centred logits" or "centred words"
    std::string words_name, contexts_name;  ///< where W and H come from, "" where there are none
    ConceptSpace space;                     ///< its contexts are empty where the matrix's columns are none
};

/// Tables: of each direction the words (and contexts) furthest out at both ends, and of the largest clusters
/// the members nearest the centre.
std::string concepts_text(const Concepts& concepts, const Dataset& dataset);

/// One object: matrix, words, contexts (null where there are none), vocab_size, context_count, residual,
/// directions [{value, tied, words {positive, negative [{id, word, coordinate}]}, contexts (the same, or
/// null)}], word_clusters [{signs, size, members (ids, nearest first), nearest (the first of them,
/// readable)}] and context_clusters (the same, or null).
nlohmann::ordered_json concepts_json(const Concepts& concepts, const Dataset& dataset);

}  // namespace ntpgeo
