// The vocabulary of a corpus: its tokens by frequency (design 2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/corpus.hpp"

namespace ntpgeo {

/// What becomes of a token outside the vocabulary: the windows that hold it are not counted, or it becomes
/// `<unk>`.
enum class OutsideTokens { skip, unknown };

struct Vocabulary {
    std::vector<std::string> tokens;  ///< [V] bytes of each token; id = rank
    std::vector<std::int32_t> id_of;  ///< [distinct tokens of the corpus] id, or −1: outside the vocabulary
    std::int64_t occurrences = 0;     ///< T, tokens in the corpus
    std::int64_t occurrences_inside =
        0;                     ///< of those, the ones that are a token of the vocabulary other than `<unk>`
    bool has_unknown = false;  ///< the last id stands for all other tokens and is written `<unk>`
};

/// The `size` most frequent tokens of the corpus (all of them where empty), ties by bytes ascending.
/// With OutsideTokens::unknown the size − 1 most frequent are kept and id size − 1 stands for all others.
/// Where no token is left outside (no size given, or a size above the number of distinct tokens) there is
/// nothing for `<unk>` to stand for, and it is left out: a word that no context is ever followed by would
/// only shift the geometry. Throws InputError where size < 1 or the corpus is empty.
Vocabulary rank_vocabulary(const Corpus& corpus, std::optional<std::int64_t> size, OutsideTokens outside);

/// Replaces token numbers of the corpus by vocabulary ids, in place; −1 where a token is outside.
void encode(const Vocabulary& vocabulary, std::vector<std::int32_t>& tokens);

}  // namespace ntpgeo
