// What of W and H is 0 but for rounding has no ratio, cosine or rank; what is only small or huge has.
#include "engine/geometry/rounding.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "engine/geometry/figures.hpp"
#include "tests/loss_fixture.hpp"

namespace ntpgeo {
namespace {

Figures measure(const Problem& s) {
    const auto backend = make_cpu_backend();
    FigureMeter meter(*backend, s.data);
    const Array w = upload_array(*backend, s.words), h = upload_array(*backend, s.contexts);
    return meter.measure(w.matrix(Real::fp64, s.data.vocab_size, s.dim),
                         h.matrix(Real::fp64, s.data.contexts(), s.dim), 0, Precision::fp64, 0, 0);
}

void expect_near(std::optional<double> actual, double expected, const char* what) {
    ASSERT_TRUE(actual.has_value()) << what;
    EXPECT_NEAR(*actual, expected, 1e-11 * std::max(1.0, std::abs(expected))) << what;
}

/// No ratio, cosine or rank of the low-rank part.
void expect_no_low_rank_part(const Figures& f) {
    EXPECT_FALSE(f.alignment_proxy || f.alignment_limit || f.collapse || f.stable_rank);
    EXPECT_EQ(f.singular_values, std::vector<double>(f.singular_values.size(), 0.0));
    EXPECT_EQ(f.direction_strengths, std::vector<double>(f.direction_strengths.size(), 0.0));
}

TEST(Rounding, OfEqualWordsHasNoRatioCosineOrRank) {
    Problem s = random_problem(5, 4, 3, 1, 11);
    for (const double size : {1e-120, 1e-3, 1.0, 1e6}) {
        for (std::size_t i = 0; i < s.words.size(); ++i)
            s.words[i] = size * std::vector<double>{0.31, -1.7, 0.83}[i % 3];
        const Figures f = measure(s);
        expect_no_low_rank_part(f);
        EXPECT_FALSE(f.dominance || f.words_rank || f.words_gram_proxy);
        EXPECT_TRUE(f.contexts_gram_proxy.has_value());
    }
}

TEST(Rounding, OfASparsePartThatIsZeroGivesNoDominance) {
    // Words 0 and 1 always follow together: L = WHᵀ is the same on both but for the rounding of its products.
    const Dataset data = make_dataset(3, {{0, 1}, {2}}, {{0.5, 0.5}, {1}});
    Problem s{data, 2, {0.1, 0.3, 0.1, 0.3, -0.7, 0.2}, {1.1, 0.7, -0.9, 0.3}};
    s.words[2] *= 1 + 0x1p-50;  // what a decomposition leaves of equal rows
    const Figures f = measure(s);
    EXPECT_GT(f.sparse_norm, 0);
    EXPECT_FALSE(f.dominance || f.in_support_error);
    EXPECT_TRUE(f.collapse || f.alignment_proxy);
    s.words[2] *= 1 + 1e-12;  // small, and real
    EXPECT_NEAR(measure(s).dominance.value() * measure(s).sparse_norm, f.low_rank_norm, 1e-12);
}

TEST(Rounding, OfEqualLabelsIsNoLimitOfTheSparsePart) {
    const Dataset data = make_dataset(4, {{0, 1, 2}, {1, 3}}, {{1.0 / 3, 1.0 / 3, 1.0 / 3}, {0.5, 0.5}});
    EXPECT_FALSE(measure({data, 1, {0.3, -1, 2, 0.7}, {1, -0.4}}).in_support_error);
}

TEST(Rounding, NeitherHugeNorTinyFactorsMoveWhatDoesNotDependOnSize) {
    const Problem s = random_problem(7, 9, 3, 1, 17);
    const Figures f = measure(s);
    const std::pair<double, double> sizes[] = {{1e70, 1e69},   {0x1p-200, 0x1p-200}, {1e-90, 1e-90},
                                               {1e-200, 1e60}, {1e-160, 1e3},        {1e30, 1e-30}};
    for (const auto& [words, contexts] : sizes) {
        SCOPED_TRACE(testing::Message() << words << " " << contexts);
        Problem scaled = s;
        for (double& x : scaled.words) x *= words;
        for (double& x : scaled.contexts) x *= contexts;
        const Figures g = measure(scaled);
        expect_near(g.dominance, f.dominance.value(), "dominance");
        expect_near(g.alignment_proxy, f.alignment_proxy.value(), "alignment");
        expect_near(g.collapse, f.collapse.value(), "collapse");
        expect_near(g.stable_rank, f.stable_rank.value(), "stable rank");
        expect_near(g.words_rank, f.words_rank.value(), "words rank");
        expect_near(g.words_gram_proxy, f.words_gram_proxy.value(), "words Gram");
        expect_near(g.contexts_gram_proxy, f.contexts_gram_proxy.value(), "contexts Gram");
        expect_near(g.words_norm / words, f.words_norm, "words norm");
        expect_near(g.sparse_norm / words / contexts, f.sparse_norm, "sparse norm");
        expect_near(g.low_rank_norm / words / contexts, f.low_rank_norm, "low-rank norm");
        expect_near(g.min_margin.value() / words / contexts, f.min_margin.value(), "margin");
        expect_near(g.singular_values[0] / words / contexts, f.singular_values[0], "singular value");
        expect_near(g.direction_strengths[0] / words / contexts, f.direction_strengths[0], "strength");
        EXPECT_GT(g.grad_norm, 0);
        EXPECT_TRUE(std::isfinite(g.loss));
    }
}

}  // namespace
}  // namespace ntpgeo
