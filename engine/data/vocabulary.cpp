#include "engine/data/vocabulary.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "engine/require.hpp"

namespace ntpgeo {

Vocabulary rank_vocabulary(const Corpus& corpus, std::optional<std::int64_t> size, OutsideTokens outside) {
    if (size) require_at_least_one(*size, "vocabulary size");
    if (corpus.tokens.empty()) throw InputError("the text is empty: it holds no token");

    const std::int64_t distinct = corpus.table.size();
    std::vector<std::int64_t> frequency(distinct, 0);
    for (const std::int32_t token : corpus.tokens) ++frequency[token];

    std::int64_t kept = std::min(size.value_or(distinct), distinct);
    const bool has_unknown = outside == OutsideTokens::unknown && size && *size <= distinct;
    if (has_unknown) kept = *size - 1;

    // string_view compares as unsigned bytes, so ties are in the order of the tokens' bytes.
    const auto comes_first = [&](std::int32_t a, std::int32_t b) {
        if (frequency[a] != frequency[b]) return frequency[a] > frequency[b];
        return corpus.table.bytes(a) < corpus.table.bytes(b);
    };
    std::vector<std::int32_t> ranked(distinct);
    std::iota(ranked.begin(), ranked.end(), 0);
    std::nth_element(ranked.begin(), ranked.begin() + kept, ranked.end(), comes_first);
    std::sort(ranked.begin(), ranked.begin() + kept, comes_first);

    Vocabulary vocabulary;
    vocabulary.has_unknown = has_unknown;
    vocabulary.occurrences = static_cast<std::int64_t>(corpus.tokens.size());
    vocabulary.tokens.reserve(kept + 1);
    vocabulary.id_of.assign(distinct, has_unknown ? static_cast<std::int32_t>(kept) : -1);
    for (std::int64_t rank = 0; rank < kept; ++rank) {
        vocabulary.id_of[ranked[rank]] = static_cast<std::int32_t>(rank);
        vocabulary.tokens.emplace_back(corpus.table.bytes(ranked[rank]));
        vocabulary.occurrences_inside += frequency[ranked[rank]];
    }
    if (has_unknown) vocabulary.tokens.emplace_back("<unk>");
    return vocabulary;
}

void encode(const Vocabulary& vocabulary, std::vector<std::int32_t>& tokens) {
    for (std::int32_t& token : tokens) token = vocabulary.id_of[token];
}

}  // namespace ntpgeo
