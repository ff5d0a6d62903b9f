// A data set counted on the device is the one that the CPU counts, field by field: so is its file.
#include "engine/data/counting.hpp"

#include <algorithm>
#include <cmath>

#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

using CudaCounting = CudaTest;

TEST_F(CudaCounting, AMillionTokensGiveTheDataSetOfTheCpu) {
    constexpr std::int64_t tokens = 1'000'000, vocab = 20000;
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> uniform;
    std::vector<std::int32_t> ids;  // of frequency about 1/(rank + 1)
    std::vector<std::int64_t> document_ends;
    while (static_cast<std::int64_t>(ids.size()) < tokens) {
        for (std::uint64_t length = 1 + random() % 2000; length > 0; --length) {
            const double rank = std::pow(static_cast<double>(vocab) + 1, uniform(random)) - 1;
            const auto id = std::min(static_cast<std::int32_t>(rank), static_cast<std::int32_t>(vocab - 1));
            ids.push_back(random() % 100 == 0 ? -1 : id);
        }
        document_ends.push_back(static_cast<std::int64_t>(ids.size()));
    }
    for (const std::int64_t length : {1, 2, 3, 4, 5}) {
        SCOPED_TRACE(length);
        const NgramOptions options{
            .context_length = length, .min_count = length < 3 ? 2 : 1, .max_contexts = 200000};
        const auto counted = [&](Backend& on) {
            return count_ngrams(on, TokensInMemory(ids), document_ends, std::vector<std::string>(vocab, "w"),
                                options);
        };
        const NgramDataset actual = counted(gpu()), expected = counted(cpu());
        EXPECT_EQ(actual.windows_counted, expected.windows_counted);
        EXPECT_EQ(actual.windows_kept, expected.windows_kept);
        EXPECT_EQ(actual.contexts_seen, expected.contexts_seen);
        const Dataset &a = actual.dataset, &b = expected.dataset;
        EXPECT_EQ(a.vocab_size, b.vocab_size);
        EXPECT_EQ(a.context_length, b.context_length);
        EXPECT_EQ(a.vocab, b.vocab);
        // Not EXPECT_EQ, which would print a million numbers.
        EXPECT_TRUE(a.context_tokens == b.context_tokens && a.indptr == b.indptr && a.indices == b.indices);
        EXPECT_TRUE(a.counts == b.counts && a.probs == b.probs && a.context_probs == b.context_probs);
    }
}

}  // namespace
}  // namespace ntpgeo
