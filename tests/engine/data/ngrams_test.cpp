#include "engine/data/counting.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/status.hpp"
#include "kernels/random/philox.hpp"

namespace ntpgeo {
namespace {

using Ids = std::vector<std::int32_t>;
using Ends = std::vector<std::int64_t>;

NgramDataset count(const Ids& ids, const Ends& ends, const NgramOptions& options, std::int64_t vocab_size) {
    CpuCountingOperations counting;
    return count_ngrams(counting, TokensInMemory(ids), ends, std::vector<std::string>(vocab_size, "w"),
                        options);
}

TEST(Ngrams, CountsWindowsExactly) {
    // a b a b a c: contexts of one token; a is followed by b, b, c and b by a, a.
    const NgramDataset result = count({0, 1, 0, 1, 0, 2}, {6}, {.context_length = 1}, 3);
    const Dataset& dataset = result.dataset;
    EXPECT_EQ(dataset.context_tokens, (Ids{0, 1}));
    EXPECT_EQ(dataset.indptr, (Ends{0, 2, 3}));
    EXPECT_EQ(dataset.indices, (Ids{1, 2, 0}));
    EXPECT_EQ(dataset.counts, (Ends{2, 1, 2}));
    EXPECT_EQ(dataset.probs, (std::vector<double>{2.0 / 3.0, 1.0 / 3.0, 1.0}));
    EXPECT_EQ(dataset.context_probs, (std::vector<double>{3.0 / 5.0, 2.0 / 5.0}));
    EXPECT_EQ(result.windows_seen, 5);
    EXPECT_EQ(result.windows_counted, 5);
    EXPECT_EQ(result.windows_kept, 5);
    EXPECT_EQ(result.contexts_seen, 2);
}

TEST(Ngrams, NoWindowCrossesADocumentsEdge) {
    const NgramDataset result = count({0, 1, 2, 0, 1, 0, 1, 2}, {3, 5, 8}, {}, 3);
    EXPECT_EQ(result.windows_seen, 2);
    EXPECT_EQ(result.dataset.context_tokens, (Ids{0, 1}));
    EXPECT_EQ(result.dataset.counts, Ends{2});
}

TEST(Ngrams, WindowsThatHoldAnOutsideTokenAreSeenButNotCounted) {
    const NgramDataset result = count({0, 1, 2, -1, 0, 1, 2, 1, -1}, {9}, {}, 3);
    EXPECT_EQ(result.windows_seen, 7);
    EXPECT_EQ(result.windows_counted, 3);
    EXPECT_EQ(result.dataset.context_tokens, (Ids{0, 1, 1, 2}));
    EXPECT_EQ(result.dataset.counts, (Ends{2, 1}));
}

TEST(Ngrams, KeepsTheMostFrequentContextsAndBreaksTiesByTokenIds) {
    // Contexts 3, 2 and 1 occur twice, 0 once, each followed by 4.
    const Ids ids = {3, 4, 2, 4, 1, 4, 3, 4, 2, 4, 1, 4, 0, 4};
    Ends ends;
    for (std::int64_t end = 2; end <= 14; end += 2) ends.push_back(end);
    EXPECT_EQ(count(ids, ends, {.context_length = 1}, 5).dataset.context_tokens, (Ids{1, 2, 3, 0}));
    EXPECT_EQ(count(ids, ends, {.context_length = 1, .max_contexts = 2}, 5).dataset.context_tokens,
              (Ids{1, 2}));
    EXPECT_EQ(count(ids, ends, {.context_length = 1, .min_count = 2}, 5).dataset.context_tokens,
              (Ids{1, 2, 3}));
}

TEST(Ngrams, WeightsFollowTheKeptCountsOrAreUniform) {
    const Ids ids = {0, 1, 0, 1, 0, 1, 2, 1};
    const NgramOptions empirical{.context_length = 1, .max_contexts = 2};
    EXPECT_EQ(count(ids, {8}, empirical, 3).dataset.context_probs,
              (std::vector<double>{3.0 / 6.0, 3.0 / 6.0}));
    const NgramOptions uniform{.context_length = 1, .weights = ContextWeights::uniform};
    EXPECT_EQ(count(ids, {8}, uniform, 3).dataset.context_probs, (std::vector<double>(3, 1.0 / 3.0)));
}

TEST(Ngrams, AgreesWithAPlainMapOnRandomText) {
    for (const std::int64_t length : {1, 2, 3, 7}) {
        const Philox random(static_cast<std::uint64_t>(length));
        Ids ids;
        Ends ends;
        for (std::uint64_t i = 0; i < 30000; ++i) {
            const std::uint64_t bits = random.bits(i);
            ids.push_back(bits % 13 == 0 ? -1
                                         : static_cast<std::int32_t>((bits >> 8) % 6 * ((bits >> 40) % 5)));
            if ((bits >> 20) % 50 == 0) ends.push_back(static_cast<std::int64_t>(ids.size()));
        }
        if (ends.empty() || ends.back() != 30000) ends.push_back(30000);

        std::map<Ids, std::map<std::int32_t, std::int64_t>> expected;
        std::int64_t begin = 0;
        for (const std::int64_t end : ends) {
            for (std::int64_t at = begin; at + length < end; ++at) {
                const Ids window(ids.begin() + at, ids.begin() + at + length + 1);
                if (std::count(window.begin(), window.end(), -1) != 0) continue;
                ++expected[Ids(window.begin(), window.end() - 1)][window.back()];
            }
            begin = end;
        }
        const NgramDataset result = count(ids, ends, {.context_length = length}, 30);
        const Dataset& dataset = result.dataset;
        ASSERT_EQ(dataset.contexts(), static_cast<std::int64_t>(expected.size()));
        std::pair<std::int64_t, Ids> before{0, {}};
        for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
            const Ids context(dataset.context_tokens.begin() + j * length,
                              dataset.context_tokens.begin() + (j + 1) * length);
            std::map<std::int32_t, std::int64_t> found;
            std::int64_t total = 0;
            for (std::int64_t i = dataset.indptr[j]; i < dataset.indptr[j + 1]; ++i) {
                found[dataset.indices[i]] = dataset.counts[i];
                total += dataset.counts[i];
            }
            ASSERT_EQ(found, expected.at(context));
            const std::pair<std::int64_t, Ids> key{-total, context};
            if (j > 0) {
                ASSERT_LT(before, key);
            }
            before = key;
        }
    }
}

TEST(Ngrams, MakesAValidDataset) {
    NgramDataset result = count({0, 1, 2, 0, 1, 1, 2, 2, 0, 1, 2}, {11}, {}, 3);
    const std::vector<double> probs = result.dataset.probs;
    check_dataset(result.dataset, "test");
    EXPECT_EQ(result.dataset.probs, probs);  // nothing to renormalise
}

std::string refusal(const Ids& ids, const Ends& ends, const NgramOptions& options) {
    try {
        count(ids, ends, options, 3);
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

TEST(Ngrams, SaysWhyNothingIsLeft) {
    EXPECT_NE(refusal({0, 1, 2}, {1, 3}, {}).find("the longest has 2"), std::string::npos);
    EXPECT_NE(refusal({0, -1, 2}, {3}, {}).find("outside the vocabulary of 3"), std::string::npos);
    EXPECT_NE(refusal({0, 1, 2}, {3}, {.min_count = 2}).find("the most frequent one 1"), std::string::npos);
    EXPECT_NE(refusal({0, 1, 2}, {3}, {.context_length = 0}), "");
    EXPECT_NE(refusal({0, 1, 2}, {3}, {.min_count = 0}), "");
    EXPECT_NE(refusal({0, 1, 2}, {3}, {.max_contexts = 0}), "");
    EXPECT_NE(refusal({0, 1, 2}, {3}, {.context_length = INT64_MAX}), "");
}

}  // namespace
}  // namespace ntpgeo
