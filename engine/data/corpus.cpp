#include "engine/data/counting.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/require.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::size_t first_slots = 1024;
constexpr std::string_view unknown_token = "<unk>";

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Eight bytes a round; good enough to spread words over a table, no defence against chosen collisions.
std::uint64_t hash_bytes(std::string_view bytes) {
    std::uint64_t hash = 0x9E3779B97F4A7C15U ^ bytes.size();
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t word = 0;
    for (; left > 8; at += 8, left -= 8) {
        std::memcpy(&word, at, 8);
        hash = mix(hash ^ word, 0xD6E8FEB86659FD93U);
    }
    word = 0;
    for (std::size_t i = 0; i < left; ++i) word = word << 8 | static_cast<unsigned char>(at[i]);
    return mix(hash ^ word, 0xA0761D6478BD642FU);
}

}  // namespace

std::int32_t TokenTable::intern(std::string_view bytes) {
    if (2 * (starts_.size() + 1) > slots_.size()) grow();
    const std::uint64_t hash = hash_bytes(bytes);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    const std::size_t mask = slots_.size() - 1;
    std::size_t place = hash & mask;
    for (; slots_[place].number >= 0; place = (place + 1) & mask) {
        if (slots_[place].tag == tag && this->bytes(slots_[place].number) == bytes)
            return slots_[place].number;
    }
    if (size() == std::numeric_limits<std::int32_t>::max()) {
        throw InputError("the text holds more than 2147483647 distinct tokens");
    }
    const auto number = static_cast<std::int32_t>(size());
    slots_[place] = {tag, number};
    block_.append(bytes);
    starts_.push_back(block_.size());
    return number;
}

void TokenTable::grow() {
    slots_.assign(slots_.empty() ? first_slots : 2 * slots_.size(), Slot{0, -1});
    const std::size_t mask = slots_.size() - 1;
    for (std::int64_t number = 0; number < size(); ++number) {
        const std::uint64_t hash = hash_bytes(bytes(static_cast<std::int32_t>(number)));
        std::size_t place = hash & mask;
        while (slots_[place].number >= 0) place = (place + 1) & mask;
        slots_[place] = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::int32_t>(number)};
    }
}

void Corpus::end_document() {
    const auto end = static_cast<std::int64_t>(tokens.size());
    if (end > (document_ends.empty() ? 0 : document_ends.back())) document_ends.push_back(end);
}

namespace {

/// How often each token occurs. [distinct]
std::vector<std::int64_t> frequencies(const Corpus& corpus) {
    if (corpus.tokens.empty()) throw InputError("the text is empty: it holds no token");
    std::vector<std::int64_t> frequency(corpus.table.size(), 0);
    for (const std::int32_t token : corpus.tokens) ++frequency[token];
    return frequency;
}

}  // namespace

Vocabulary rank_vocabulary(const Corpus& corpus, std::optional<std::int64_t> size, OutsideTokens outside) {
    if (size) require_at_least_one(*size, "vocabulary size");
    const std::vector<std::int64_t> frequency = frequencies(corpus);
    const std::int64_t distinct = corpus.table.size();
    std::vector<std::int32_t> ranked(distinct);
    std::iota(ranked.begin(), ranked.end(), 0);

    std::int64_t kept = std::min(size.value_or(distinct), distinct);
    const bool has_unknown = outside == OutsideTokens::unknown && size && *size <= distinct;
    if (has_unknown) {
        std::erase_if(ranked, [&](std::int32_t token) { return corpus.table.bytes(token) == unknown_token; });
        kept = std::min(*size - 1, static_cast<std::int64_t>(ranked.size()));
    }

    // string_view compares as unsigned bytes, so ties are in the order of the tokens' bytes.
    const auto comes_first = [&](std::int32_t a, std::int32_t b) {
        if (frequency[a] != frequency[b]) return frequency[a] > frequency[b];
        return corpus.table.bytes(a) < corpus.table.bytes(b);
    };
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
    if (has_unknown) vocabulary.tokens.emplace_back(unknown_token);
    return vocabulary;
}

Vocabulary given_vocabulary(const Corpus& corpus, std::vector<std::string> given, OutsideTokens outside,
                            const std::string& where) {
    const std::vector<std::int64_t> frequency = frequencies(corpus);
    TokenTable table;
    std::int32_t unknown = -1;
    for (std::size_t id = 0; id < given.size(); ++id) {
        const std::int32_t first = table.intern(given[id]);
        if (first != static_cast<std::int32_t>(id))
            throw InputError(
                fmt::format("{}: ids {} and {} are the same token; in a vocabulary of text each stands once",
                            where, first, id));
        if (given[id] == unknown_token) unknown = first;
    }
    Vocabulary vocabulary;
    vocabulary.is_given = true;
    vocabulary.has_unknown = outside == OutsideTokens::unknown;
    if (vocabulary.has_unknown && unknown < 0)
        throw InputError(fmt::format("{}: has no <unk>, which is to stand for all other tokens", where));
    const auto size = static_cast<std::int32_t>(given.size());
    vocabulary.tokens = std::move(given);
    vocabulary.occurrences = static_cast<std::int64_t>(corpus.tokens.size());
    for (std::int32_t token = 0; token < corpus.table.size(); ++token) {
        const std::int32_t id = table.intern(corpus.table.bytes(token));
        const bool is_inside = id < size;
        vocabulary.id_of.push_back(is_inside ? id : vocabulary.has_unknown ? unknown : -1);
        if (is_inside && !(vocabulary.has_unknown && id == unknown))
            vocabulary.occurrences_inside += frequency[token];
    }
    return vocabulary;
}

void encode(const Vocabulary& vocabulary, std::vector<std::int32_t>& tokens) {
    for (std::int32_t& token : tokens) token = vocabulary.id_of[token];
}

}  // namespace ntpgeo
