#include "engine/data/counting.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

using Words = std::vector<std::string>;

Corpus corpus_of(const Words& words) {
    Corpus corpus;
    for (const std::string& word : words) corpus.tokens.push_back(corpus.table.intern(word));
    corpus.end_document();
    return corpus;
}

TEST(TokenTable, NumbersTokensInOrderOfFirstAppearanceAcrossManyGrowths) {
    TokenTable table;
    constexpr int tokens = 20000;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < tokens; ++i) ASSERT_EQ(table.intern("token number " + std::to_string(i)), i);
    }
    EXPECT_EQ(table.size(), tokens);
    EXPECT_EQ(table.bytes(12345), "token number 12345");
}

TEST(TokenTable, TellsTokensApartThatDifferInZeroBytesAndLength) {
    TokenTable table;
    const Words tokens = {std::string(1, '\0'), std::string(2, '\0'),        std::string("a\0", 2), "a", "",
                          "12345678",           std::string("12345678\0", 9)};
    for (std::size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(table.intern(tokens[i]), static_cast<int>(i));
    for (std::size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(table.bytes(static_cast<int>(i)), tokens[i]);
}

TEST(Corpus, EmptyDocumentsLeaveNoTrace) {
    Corpus corpus;
    corpus.end_document();
    corpus.tokens = {corpus.table.intern("a")};
    corpus.end_document();
    corpus.end_document();
    EXPECT_EQ(corpus.document_ends, std::vector<std::int64_t>{1});
}

TEST(Vocabulary, RanksByFrequencyAndTiesByUnsignedBytes) {
    const Corpus corpus = corpus_of({"\xC3\xA9", "b", "a", "ab", "c", "c", "Z"});
    const Vocabulary vocabulary = rank_vocabulary(corpus, std::nullopt, OutsideTokens::skip);
    EXPECT_EQ(vocabulary.tokens, (Words{"c", "Z", "a", "ab", "b", "\xC3\xA9"}));
}

TEST(Vocabulary, KeepsTheMostFrequentAndMarksTheRest) {
    Corpus corpus = corpus_of({"x", "y", "y", "z", "y", "z"});
    const Vocabulary vocabulary = rank_vocabulary(corpus, 2, OutsideTokens::skip);
    EXPECT_EQ(vocabulary.tokens, (Words{"y", "z"}));
    EXPECT_EQ(vocabulary.occurrences, 6);
    EXPECT_EQ(vocabulary.occurrences_inside, 5);
    encode(vocabulary, corpus.tokens);
    EXPECT_EQ(corpus.tokens, (std::vector<std::int32_t>{-1, 0, 0, 1, 0, 1}));
}

TEST(Vocabulary, UnknownTakesTheLastIdForAllOtherTokens) {
    Corpus corpus = corpus_of({"x", "y", "y", "z", "y", "z"});
    const Vocabulary vocabulary = rank_vocabulary(corpus, 2, OutsideTokens::unknown);
    EXPECT_EQ(vocabulary.tokens, (Words{"y", "<unk>"}));
    EXPECT_TRUE(vocabulary.has_unknown);
    EXPECT_EQ(vocabulary.occurrences_inside, 3);
    encode(vocabulary, corpus.tokens);
    EXPECT_EQ(corpus.tokens, (std::vector<std::int32_t>{1, 0, 0, 1, 0, 1}));
}

TEST(Vocabulary, UnknownIsLeftOutWhereNoTokenIsOutside) {
    const Corpus corpus = corpus_of({"x", "y", "y"});
    EXPECT_EQ(rank_vocabulary(corpus, std::nullopt, OutsideTokens::unknown).tokens, (Words{"y", "x"}));
    EXPECT_EQ(rank_vocabulary(corpus, 3, OutsideTokens::unknown).tokens, (Words{"y", "x"}));
    EXPECT_EQ(rank_vocabulary(corpus, 2, OutsideTokens::unknown).tokens, (Words{"y", "<unk>"}));
}

TEST(Vocabulary, RefusesSizeZeroAndAnEmptyCorpus) {
    EXPECT_THROW(rank_vocabulary(corpus_of({"x"}), 0, OutsideTokens::skip), InputError);
    EXPECT_THROW(rank_vocabulary(Corpus(), std::nullopt, OutsideTokens::skip), InputError);
}

// As a text of Penn Treebank or KenLM writes it.
TEST(Vocabulary, WhatTheTextWritesAsUnknownIsUnknown) {
    const Words text = {"<unk>", "<unk>", "<unk>", "a", "a", "b", "c"};
    const Vocabulary few = rank_vocabulary(corpus_of(text), 3, OutsideTokens::unknown);
    EXPECT_EQ(few.tokens, (Words{"a", "b", "<unk>"}));
    EXPECT_EQ(few.id_of, (std::vector<std::int32_t>{2, 0, 1, 2}));
    EXPECT_EQ(few.occurrences_inside, 3);
    const Vocabulary ranked = rank_vocabulary(corpus_of(text), 3, OutsideTokens::skip);
    EXPECT_EQ(ranked.tokens, (Words{"<unk>", "a", "b"}));
    const Vocabulary all = rank_vocabulary(corpus_of(text), 4, OutsideTokens::unknown);
    EXPECT_EQ(all.tokens, (Words{"a", "b", "c", "<unk>"}));
    EXPECT_EQ(rank_vocabulary(corpus_of(text), 5, OutsideTokens::unknown).tokens,
              (Words{"<unk>", "a", "b", "c"}));
}

TEST(Vocabulary, AGivenOneKeepsItsIds) {
    const Corpus corpus = corpus_of({"b", "x", "b", "a", "<unk>"});
    const Words given = {"a", "unused", "<unk>", "b"};
    const Vocabulary skip = given_vocabulary(corpus, given, OutsideTokens::skip, "names");
    EXPECT_EQ(skip.tokens, given);
    EXPECT_EQ(skip.id_of, (std::vector<std::int32_t>{3, -1, 0, 2}));
    EXPECT_EQ(skip.occurrences_inside, 4);
    const Vocabulary unknown = given_vocabulary(corpus, given, OutsideTokens::unknown, "names");
    EXPECT_EQ(unknown.id_of, (std::vector<std::int32_t>{3, 2, 0, 2}));
    EXPECT_EQ(unknown.occurrences_inside, 3);
}

TEST(Vocabulary, AGivenOneIsRefusedWhereItDoesNotServe) {
    const Corpus corpus = corpus_of({"a"});
    const auto message = [&](const Words& given) {
        return refusal<InputError>([&] { given_vocabulary(corpus, given, OutsideTokens::unknown, "names"); });
    };
    expect_contains(message({"a", "<unk>", "a"}), "names: ids 0 and 2 are the same token");
    expect_contains(message({"a"}), "names: has no <unk>");
    EXPECT_THROW(given_vocabulary(Corpus{}, {"a"}, OutsideTokens::skip, "names"), InputError);
}

}  // namespace
}  // namespace ntpgeo
