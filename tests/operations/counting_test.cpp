// Counts of windows against a map of them, and against the CPU's, to the last number.
#include "kernels/counting/counting.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "tests/operations/operation_fixture.hpp"
#include "tests/window_counts.hpp"

namespace ntpgeo {
namespace {

struct Text {
    std::vector<std::int32_t> ids;
    std::vector<std::int64_t> document_ends;
    std::int64_t vocab_size;
};

/// Tokens of frequency about 1/(rank + 1), one in thirty outside, in documents of 1 to 80 tokens.
Text zipf_text(std::int64_t tokens, std::int64_t vocab, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform;
    Text text{{}, {}, vocab};
    while (static_cast<std::int64_t>(text.ids.size()) < tokens) {
        for (std::uint64_t length = 1 + random() % 80; length > 0; --length) {
            const double rank = std::pow(static_cast<double>(vocab) + 1, uniform(random)) - 1;
            const auto id = std::min(static_cast<std::int32_t>(rank), static_cast<std::int32_t>(vocab - 1));
            text.ids.push_back(random() % 30 == 0 ? -1 : id);
        }
        text.document_ends.push_back(static_cast<std::int64_t>(text.ids.size()));
    }
    return text;
}

WindowCounts reference(const Text& text, const WindowOptions& options) {
    std::map<std::vector<std::int32_t>, std::map<std::int32_t, std::int64_t>> all;
    WindowCounts result;
    std::int64_t begin = 0;
    for (const std::int64_t end : text.document_ends) {
        for (std::int64_t at = begin; at + options.context_length < end; ++at) {
            const auto first = text.ids.begin() + at, last = first + options.context_length;
            if (std::count(first, last + 1, -1) != 0) continue;
            ++all[{first, last}][*last];
            ++result.windows;
        }
        begin = end;
    }
    result.contexts = static_cast<std::int64_t>(all.size());
    std::vector<std::pair<std::int64_t, std::vector<std::int32_t>>> kept;  // by falling total, then by tokens
    for (const auto& [context, next] : all) {
        std::int64_t total = 0;
        for (const auto& [token, count] : next) total += count;
        result.most = std::max(result.most, total);
        if (total >= options.min_count) kept.emplace_back(-total, context);
    }
    std::sort(kept.begin(), kept.end());
    if (static_cast<std::int64_t>(kept.size()) > options.most_contexts) kept.resize(options.most_contexts);
    result.indptr = {0};
    for (const auto& [total, context] : kept) {
        result.context_tokens.insert(result.context_tokens.end(), context.begin(), context.end());
        for (const auto& [token, count] : all[context]) {
            result.next.push_back(token);
            result.counts.push_back(count);
        }
        result.indptr.push_back(static_cast<std::int64_t>(result.next.size()));
    }
    return result;
}

class Counting : public OperationTest {
  protected:
    void expect(const Text& text, const WindowOptions& options) {
        SCOPED_TRACE(testing::Message()
                     << text.ids.size() << " tokens of " << text.vocab_size << ", context "
                     << options.context_length << ", min " << options.min_count << ", "
                     << options.tokens_at_once << " tokens and " << options.entries_at_once
                     << " entries at once, " << (options.text_in_stretches ? "in stretches" : "whole"));
        const TokensInMemory tokens(text.ids);
        const TextIds view{tokens, text.document_ends, text.vocab_size};
        EXPECT_EQ(backend().why_not_counted(view, options), "");
        const WindowCounts counts = backend().count_windows(view, options);
        expect_equal(counts, reference(text, options));
        expect_equal(counts, cpu().count_windows(view, options));
    }
};

TEST_F(Counting, IsExactForContextsOfEveryLength) {
    const Text few = zipf_text(3000, 12, seed()), many = zipf_text(3000, 50000, seed() + 1);
    // Of many words, from 4 on by ranks; 30 by ranks of windows that are packed from ranks themselves.
    for (const std::int64_t length : {1, 2, 3, 4, 5, 9, 30}) {
        expect(few, {.context_length = length});
        expect(many, {.context_length = length});
    }
    // Five tokens of 13 bits: one bit too many for a key.
    expect(zipf_text(3000, 8192, seed() + 2), {.context_length = 4});
}

TEST_F(Counting, KeepsFrequentContextsAndBreaksTiesByTheirTokens) {
    const Text text = zipf_text(3000, 40, seed());
    for (const std::int64_t length : {1, 2, 12}) {
        for (const std::int64_t least : {2, 5}) expect(text, {.context_length = length, .min_count = least});
        for (const std::int64_t most : {1, 7, 300}) expect(text, {length, 2, most});
    }
    expect(text, {.context_length = 1, .min_count = 100000});
}

TEST_F(Counting, TextInPiecesHasTheSameCounts) {
    const Text text = zipf_text(3000, 300, seed());
    for (const std::int64_t at_once : {64, 1000, 2999})
        for (const std::int64_t length : {1, 3, 8})
            expect(text, {.context_length = length, .min_count = 2, .tokens_at_once = at_once});
}

TEST_F(Counting, RangesOfContextsHaveTheSameCounts) {
    const Text text = zipf_text(1000, 100, seed()), few = zipf_text(60, 9, seed());
    for (const std::int64_t length : {1, 2, 8}) {
        WindowOptions options{.context_length = length, .tokens_at_once = 600, .entries_at_once = 200};
        expect(text, options);
        options.min_count = 2;
        options.most_contexts = 50;
        expect(text, options);
        // A range for each context, as none is smaller.
        expect(few, {.context_length = length, .entries_at_once = 1});
    }
    // The largest key that there is, beyond which no range begins.
    expect({{3, 3, 3, 3, 0, 3, 3}, {7}, 4}, {.context_length = 31, .entries_at_once = 1});
    expect({std::vector<std::int32_t>(40, 3), {40}, 4}, {.context_length = 31, .entries_at_once = 1});
}

TEST_F(Counting, TextInStretchesHasTheSameCounts) {
    const auto options = [](std::int64_t length, std::int64_t tokens, std::int64_t entries) {
        return WindowOptions{.context_length = length,
                             .min_count = 2,
                             .tokens_at_once = tokens,
                             .entries_at_once = entries,
                             .text_in_stretches = true};
    };
    const Text text = zipf_text(1000, 300, seed());
    for (const std::int64_t at_once : {256, 999, 5000})
        for (const std::int64_t length : {1, 3, 6}) expect(text, options(length, at_once, 400));
    expect(zipf_text(60, 9, seed()), options(2, 1, 0));
}

TEST_F(Counting, IdsInPiecesHaveTheSameCounts) {
    const Text text = zipf_text(1000, 300, seed());
    for (const bool stretches : {false, true})
        for (const std::int64_t ids : {1, 7, 250, 1000})  // the last two divide it
            expect(text, {.context_length = 3, .ids_at_once = ids, .text_in_stretches = stretches});
}

TEST_F(Counting, TextsOfFewTokens) {
    expect({{0}, {1}, 1}, {.context_length = 1});
    expect({{0, 0, 0}, {3}, 1}, {.context_length = 1});
    expect({{0, 1, 2}, {1, 2, 3}, 3}, {.context_length = 1});  // no document has two tokens
    expect({{-1, 1, -1, 1}, {4}, 2}, {.context_length = 1});
    expect({{1, 0, -1, 0, 1, 0}, {3, 6}, 2}, {.context_length = 2});
    expect({{7, 7, 7, 7}, {4}, 8}, {.context_length = 3});
    expect({{7, 7, 7, 7}, {4}, 8}, {.context_length = 4});
}

}  // namespace
}  // namespace ntpgeo
