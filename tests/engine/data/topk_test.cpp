// A teacher's top-k as a data set.
#include "engine/data/topk.hpp"

#include <gtest/gtest.h>

#include "kernels/base/status.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

/// Two contexts over five words, three entries each.
struct Rows {
    std::vector<std::int64_t> ids{4, 1, 4, 2, -1, 0};
    std::vector<double> probs{0.25, 0.5, 0.25, 0.4, 0.9, 0};
    std::vector<double> weights{3, 1};
    [[nodiscard]] TopK topk() const { return {5, 2, 3, ids, probs, weights}; }
};

TEST(TopK, IsSortedMergedAndRidOfWhatIsNothing) {
    const Dataset dataset = topk_dataset(Rows{}.topk(), "teacher");
    EXPECT_EQ(dataset.indptr, (std::vector<std::int64_t>{0, 2, 3}));
    EXPECT_EQ(dataset.indices, (std::vector<std::int32_t>{1, 4, 2}));
    EXPECT_EQ(dataset.probs, (std::vector<double>{0.5, 0.5, 1}));
}

// Σ π μ KL(p/μ ‖ q): the mass of a row is part of its weight.
TEST(TopK, FoldsMassIntoWeights) {
    const Dataset dataset = topk_dataset(Rows{}.topk(), "teacher");
    EXPECT_DOUBLE_EQ(dataset.context_probs[0], 3 / 3.4);
    EXPECT_DOUBLE_EQ(dataset.context_probs[1], 0.4 / 3.4);
}

TEST(TopK, RefusesWhatIsWrongNamingTheContext) {
    const auto message = [](auto change) {
        Rows rows;
        change(rows);
        return refusal<InputError>([&] { topk_dataset(rows.topk(), "teacher"); });
    };
    expect_contains(message([](Rows& r) { r.ids[4] = 5; }), "teacher: ids[1, 1] is 5; it must be below");
    expect_contains(message([](Rows& r) { r.probs[2] = -0.1; }), "probs[0, 2] is -0.1; it must be");
    expect_contains(message([](Rows& r) { r.probs[3] = 0.0 / 0.0; }), "probs[1, 0] is");
    expect_contains(message([](Rows& r) { r.probs[3] = 0; }), "context 1 has no probability above 0");
    expect_contains(message([](Rows& r) { r.probs[1] = 0.6; }), "label mass of context 0 is 1.1");
    expect_contains(message([](Rows& r) { r.weights[1] = 0; }), "weights[1] is 0; it must be");
}

}  // namespace
}  // namespace ntpgeo
