// A teacher's top-k as a data set.
#include "engine/data/topk.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/base/status.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

using Doubles = std::vector<double>;

/// Two contexts over five words, three entries each.
struct Rows {
    std::vector<std::int64_t> ids{4, 1, 4, 2, -1, 0};
    Doubles probs{0.25, 0.5, 0.25, 0.4, 0.9, 0};
    Doubles weights{3, 1};
    TopKSettings settings{.vocab_size = 5};
    TopKForm form{
        .where = "teacher", .ids = "teacher: ids", .probs = "teacher: probs", .weights = "teacher: weights"};

    [[nodiscard]] Dataset dataset() const {
        TopKCollector collector(settings, form);
        for (std::size_t row = 0; row < 2; ++row)
            collector.add(std::span(ids).subspan(3 * row, 3), std::span(probs).subspan(3 * row, 3));
        return collector.finish(weights, "teacher");
    }
};

TEST(TopK, IsSortedMergedAndRidOfWhatIsNothing) {
    const Dataset dataset = Rows{}.dataset();
    EXPECT_EQ(dataset.indptr, (std::vector<std::int64_t>{0, 2, 3}));
    EXPECT_EQ(dataset.indices, (std::vector<std::int32_t>{1, 4, 2}));
    EXPECT_EQ(dataset.probs, (Doubles{0.5, 0.5, 1}));
    EXPECT_EQ(dataset.source, "teacher");
}

// Σ π μ KL(p/μ ‖ q): the mass of a row is part of its weight, unless it is to stay what it is.
TEST(TopK, FoldsMassIntoWeightsOrLeavesThem) {
    Rows rows;
    EXPECT_DOUBLE_EQ(rows.dataset().context_probs[0], 3 / 3.4);
    EXPECT_DOUBLE_EQ(rows.dataset().context_probs[1], 0.4 / 3.4);
    rows.settings.missing = MissingMass::renormalise;
    EXPECT_EQ(rows.dataset().context_probs, (Doubles{0.75, 0.25}));
    EXPECT_EQ(rows.dataset().probs, (Doubles{0.5, 0.5, 1}));
}

TEST(TopK, TellsTheMassThatWasMissing) {
    TopKCollector collector({}, {});
    collector.add(std::vector<std::int64_t>{3}, Doubles{0.75});
    collector.add(std::vector<std::int64_t>{1}, Doubles{1});
    EXPECT_EQ(collector.mean_missing_mass(), 0.125);
    EXPECT_EQ(collector.finish({}, "").vocab_size, 4);  // the greatest id and 1
}

TEST(TopK, LogarithmsAreTakenBack) {
    Rows rows;
    rows.form.logarithms = true;
    for (double& p : rows.probs) p = std::log(p);
    rows.probs[4] = std::numeric_limits<double>::quiet_NaN();  // padding is not looked at
    const Dataset dataset = rows.dataset();
    EXPECT_EQ(dataset.indices, (std::vector<std::int32_t>{1, 4, 2}));
    EXPECT_DOUBLE_EQ(dataset.context_probs[1], 0.4 / 3.4);
    rows.probs[5] = -745;  // a subnormal probability
    EXPECT_EQ(rows.dataset().indices, dataset.indices);
}

// 64 numbers that were rounded up to fp16 may sum to more than 1.
TEST(TopK, AMassAboveOneIsTakenWhereItsNumbersRoundingExplainsIt) {
    Rows rows;
    rows.probs[1] = 0.5004;
    EXPECT_THROW((void)rows.dataset(), InputError);
    rows.form.roundoff = 0x1p-11;
    const Dataset dataset = rows.dataset();
    EXPECT_DOUBLE_EQ(dataset.context_probs[0], 3 / 3.4);  // what is beyond 1 is no mass
    EXPECT_DOUBLE_EQ(dataset.probs[0], 0.5004 / 1.0004);
    rows.probs[1] = 0.501;
    EXPECT_THROW((void)rows.dataset(), InputError);
}

template <class Change>
std::string message(Change change) {
    Rows rows;
    change(rows);
    return refusal<InputError>([&] { (void)rows.dataset(); });
}

TEST(TopK, RefusesWhatIsWrongNamingTheContext) {
    expect_contains(message([](Rows& r) { r.ids[4] = 5; }), "teacher: ids[1, 1] is 5; it must be below");
    expect_contains(message([](Rows& r) { r.probs[2] = -0.1; }), "probs[0, 2] is -0.1; it must be");
    expect_contains(message([](Rows& r) { r.probs[3] = 0.0 / 0.0; }), "probs[1, 0] is");
    expect_contains(message([](Rows& r) { r.probs[3] = 0; }), "context 1 has no probability above 0");
    expect_contains(message([](Rows& r) { r.probs[1] = 0.6; }), "label mass of context 0 is 1.1");
    expect_contains(message([](Rows& r) { r.weights[1] = 0; }), "weights[1] is 0; it must be");
    expect_contains(message([](Rows& r) { r.form.logarithms = true, r.probs[0] = std::nan(""); }),
                    "probs[0, 0] is nan; it must be a logarithm");
    expect_contains(message([](Rows& r) { r.settings.vocab_size.reset(), r.ids[0] = INT32_MAX; }),
                    "ids[0, 0] is 2147483647; it must be below");
}

TEST(TopK, AStoredFileMustNotRepeatAWord) {
    Rows rows;
    rows.form.strict = true;
    rows.ids = {4, 1, 3, 2, -1, 2};  // the second 2 has probability 0: as good as padding
    EXPECT_EQ(rows.dataset().indices, (std::vector<std::int32_t>{1, 3, 4, 2}));
    const auto refused = [&](std::size_t entry, std::int64_t id) {
        Rows wrong = rows;
        wrong.ids[entry] = id;
        return refusal<InputError>([&] { (void)wrong.dataset(); });
    };
    EXPECT_EQ(refused(2, 4), "teacher: ids[0, 2] is 4, as [0, 0] is; a word may stand once in a row");
    EXPECT_EQ(refused(4, -2), "teacher: ids[1, 1] is -2; it must be a word, or -1 for padding");
}

}  // namespace
}  // namespace ntpgeo
