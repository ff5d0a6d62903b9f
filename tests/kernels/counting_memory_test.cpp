// Counting within a given memory, in one run or many: the same numbers, and nothing but what was asked for.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "kernels/counting/counting_plan.hpp"
#include "kernels/cpu/team.hpp"
#include "tests/window_counts.hpp"

namespace ntpgeo {
namespace {

/// Files in memory, which it counts.
class TestScratch : public Scratch {
  public:
    std::unique_ptr<ScratchFile> make() override {
        ++made;
        return std::make_unique<File>(*this);
    }
    void require(std::int64_t bytes) const override {
        if (bytes > room) throw Failure("the disk is full");
    }

    int made = 0, open = 0;
    std::int64_t written = 0, room = std::int64_t{1} << 40;

  private:
    class File : public ScratchFile {
      public:
        explicit File(TestScratch& of) : of_(of) { ++of_.open; }
        ~File() override { --of_.open; }
        void append(std::span<const std::byte> bytes) override {
            of_.written += static_cast<std::int64_t>(bytes.size());
            bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        }
        void read(std::int64_t begin, std::span<std::byte> out) const override {
            ASSERT_LE(begin + static_cast<std::int64_t>(out.size()),
                      static_cast<std::int64_t>(bytes_.size()));
            std::copy_n(bytes_.begin() + begin, out.size(), out.begin());
        }

      private:
        TestScratch& of_;
        std::vector<std::byte> bytes_;
    };
};

struct Text {
    Text(std::int64_t size, std::int64_t vocab, int outside) : vocab_size(vocab) {
        std::mt19937_64 random(3);
        std::uniform_real_distribution<double> uniform;
        while (static_cast<std::int64_t>(ids.size()) < size) {
            for (std::uint64_t length = 1 + random() % 900; length > 0; --length) {
                const double rank = std::pow(static_cast<double>(vocab), uniform(random)) - 1;
                ids.push_back(random() % outside == 0 ? -1 : static_cast<std::int32_t>(rank));
            }
            document_ends.push_back(static_cast<std::int64_t>(ids.size()));
        }
    }
    WindowCounts counted(const WindowOptions& options) const {
        const TokensInMemory tokens(ids);
        return CpuCountingOperations().count_windows({tokens, document_ends, vocab_size}, options);
    }

    std::vector<std::int32_t> ids;
    std::vector<std::int64_t> document_ends;
    std::int64_t vocab_size;
};

void expect_equal_with_entropy(const WindowCounts& actual, const WindowCounts& expected) {
    expect_equal(actual, expected);
    EXPECT_EQ(actual.entropy, expected.entropy);
}

TEST(CountingMemory, RunsAndThreadsDoNotChangeTheCounts) {
    const Text text(20'000, 40'000, 30);
    const int threads = team_size();
    for (const std::int64_t length : {1, 3, 5, 12}) {  // keys of one word, two and four
        WindowOptions options{.context_length = length, .min_count = 2, .most_contexts = 3000};
        const WindowCounts expected = text.counted(options);
        for (const std::int64_t at_once : {37, 1000, 19'999}) {
            set_team(at_once == 37 ? 3 : 1);
            TestScratch scratch;
            options.tokens_at_once = at_once;
            options.means.scratch = &scratch;
            expect_equal_with_entropy(text.counted(options), expected);
            EXPECT_GT(scratch.written, 0);
            // Of 37 tokens each they are too many to be read side by side in this memory.
            options.means.memory = std::int64_t{16} << 20;
            expect_equal_with_entropy(text.counted(options), expected);
            EXPECT_EQ(scratch.made, at_once == 37 ? 3 : 2);
            EXPECT_EQ(scratch.open, 0);
            options.means.memory = 0;
        }
        set_team(threads);
    }
}

TEST(CountingMemory, AMillionTokensAreThoseOfAMap) {
    const Text text(1'000'000, 2000, 1'000'000'000);
    std::map<std::pair<std::int32_t, std::int32_t>, std::map<std::int32_t, std::int64_t>> expected;
    std::int64_t begin = 0;
    for (const std::int64_t end : text.document_ends) {
        for (std::int64_t at = begin; at + 2 < end; ++at)
            ++expected[{text.ids[at], text.ids[at + 1]}][text.ids[at + 2]];
        begin = end;
    }
    TestScratch scratch;
    const WindowCounts counts =
        text.counted({.context_length = 2, .tokens_at_once = 300'000, .means = {.scratch = &scratch}});
    ASSERT_EQ(counts.contexts, static_cast<std::int64_t>(expected.size()));
    ASSERT_EQ(counts.indptr.size(), expected.size() + 1);
    double entropy = 0;
    std::int64_t windows = 0;
    for (std::size_t row = 0; row < expected.size(); ++row) {
        const auto& next = expected[{counts.context_tokens[2 * row], counts.context_tokens[2 * row + 1]}];
        ASSERT_EQ(counts.indptr[row + 1] - counts.indptr[row], static_cast<std::int64_t>(next.size()));
        std::int64_t at = counts.indptr[row], total = 0;
        for (const auto& [token, count] : next) {
            ASSERT_EQ(counts.next[at], token);
            ASSERT_EQ(counts.counts[at++], count);
            total += count;
        }
        for (const auto& [token, count] : next)
            entropy -= static_cast<double>(count) *
                       std::log(static_cast<double>(count) / static_cast<double>(total));
        windows += total;
    }
    EXPECT_EQ(counts.windows, windows);
    EXPECT_NEAR(counts.entropy.value(), entropy / static_cast<double>(windows), 1e-10);
}

TEST(CountingMemory, TheLeastThatWorksIsNamed) {
    const Text text(300'000, 500, 30);
    WindowOptions options{.context_length = 2, .most_contexts = 100};
    const WindowCounts expected = text.counted(options);
    TestScratch scratch;
    options.means.scratch = &scratch;
    options.means.memory = 1;
    std::int64_t least = 0;
    try {
        text.counted(options);
    } catch (const TooLittleMemory& error) {
        least = error.least();
    }
    ASSERT_GT(least, 1);
    EXPECT_EQ(scratch.made, 0);
    options.means.memory = least - 1;
    EXPECT_THROW(text.counted(options), TooLittleMemory);
    EXPECT_THROW(plan_counting(300'000, 500, options), TooLittleMemory);
    options.means.memory = least;
    expect_equal_with_entropy(text.counted(options), expected);
    EXPECT_GT(scratch.made, 0);
    // What is known beforehand bounds what is taken.
    const CountingPlan plan = plan_counting(static_cast<std::int64_t>(text.ids.size()), 500, options);
    EXPECT_EQ(plan.key_bytes, 8);
    EXPECT_GT(plan.runs, 1);
    EXPECT_LE(plan.memory, least);
    EXPECT_GE(plan.scratch, scratch.written);
    const CountingPlan in_one = plan_counting(300'000, 500, {.context_length = 2});
    EXPECT_EQ(in_one.runs, 1);
    EXPECT_EQ(in_one.scratch, 0);
}

TEST(CountingMemory, RowsThatDoNotFitAreRefused) {
    const Text text(600'000, 30'000, 1'000'000'000);
    TestScratch scratch;
    WindowOptions options{.context_length = 3,
                          .means = {.memory = std::int64_t{12} << 20, .scratch = &scratch}};
    std::int64_t least = 0;
    try {
        text.counted(options);
    } catch (const TooLittleMemory& error) {
        least = error.least();
    }
    EXPECT_GT(least, std::int64_t{600'000} * 4);
    EXPECT_EQ(scratch.open, 0);
    options.most_contexts = 1000;
    EXPECT_EQ(text.counted(options).indptr.size(), 1001U);
}

TEST(CountingMemory, AFullDiskIsSeenBeforeItIsFull) {
    const Text text(100'000, 30'000, 1'000'000'000);
    TestScratch scratch;
    scratch.room = 300'000;
    EXPECT_THROW(
        text.counted({.context_length = 3, .tokens_at_once = 10'000, .means = {.scratch = &scratch}}),
        Failure);
    EXPECT_LT(scratch.written, scratch.room);
    EXPECT_EQ(scratch.open, 0);
}

TEST(CountingMemory, ProgressGoesOnToTheEnd) {
    const Text text(50'000, 3000, 30);
    TestScratch scratch;
    std::vector<std::int64_t> done;
    text.counted({.context_length = 2,
                  .tokens_at_once = 10'000,
                  .means = {.scratch = &scratch, .progress = [&](const CountingProgress& progress) {
                                if (std::string(progress.unit) == "tokens") done.push_back(progress.done);
                            }}});
    EXPECT_GE(done.size(), 6U);
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(done.back(), static_cast<std::int64_t>(text.ids.size()));
}

}  // namespace
}  // namespace ntpgeo
