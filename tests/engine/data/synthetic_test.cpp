#include "engine/data/synthetic.hpp"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

TEST(Synthetic, IsValidAndSpreadsContextsEvenlyOverTheSupports) {
    Dataset dataset = make_synthetic({.vocab_size = 30, .contexts = 103, .supports = 10});
    check_dataset(dataset, "test");
    EXPECT_EQ(dataset.vocab_size, 30);
    const SupportClasses classes = support_classes(dataset);
    ASSERT_EQ(classes.count(), 10);
    for (const std::int64_t size : classes.size) EXPECT_TRUE(size == 10 || size == 11) << size;
    for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
        EXPECT_GE(dataset.support_size(j), 2);
        EXPECT_LE(dataset.support_size(j), 6);
    }
}

TEST(Synthetic, GivesEverySubsetOfOneSizeWhenAskedForAll) {
    const Dataset dataset = make_synthetic(
        {.vocab_size = 7, .contexts = 35, .supports = 35, .least_support = 3, .most_support = 3});
    std::set<std::vector<std::int32_t>> supports;
    for (std::int64_t j = 0; j < 35; ++j) {
        supports.emplace(dataset.indices.begin() + dataset.indptr[j],
                         dataset.indices.begin() + dataset.indptr[j + 1]);
    }
    EXPECT_EQ(supports.size(), 35U);
}

TEST(Synthetic, OneHotBalancedLabelsAreACase) {
    const Dataset dataset = make_synthetic(
        {.vocab_size = 9, .contexts = 9, .supports = 9, .least_support = 1, .most_support = 1});
    EXPECT_EQ(dataset.probs, std::vector<double>(9, 1.0));
    EXPECT_EQ(std::set<std::int32_t>(dataset.indices.begin(), dataset.indices.end()).size(), 9U);
}

TEST(Synthetic, DependsOnTheSeedAlone) {
    const Dataset one = make_synthetic({.seed = 5});
    const Dataset same = make_synthetic({.seed = 5});
    const Dataset other = make_synthetic({.seed = 6});
    EXPECT_EQ(one.probs, same.probs);
    EXPECT_EQ(one.indices, same.indices);
    EXPECT_NE(one.indices, other.indices);
}

TEST(Synthetic, DirichletHasTheRightMeanAndVariance) {
    // On k tokens each share has mean 1/k and variance (1/k)(1 − 1/k)/(kA + 1).
    for (const double concentration : {0.3, 1.0, 4.0}) {
        const Dataset dataset = make_synthetic({.vocab_size = 4,
                                                .contexts = 20000,
                                                .supports = 1,
                                                .least_support = 4,
                                                .most_support = 4,
                                                .dirichlet = concentration});
        double mean = 0;
        double square = 0;
        for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
            mean += dataset.probs[4 * j] / 20000;
            square += dataset.probs[4 * j] * dataset.probs[4 * j] / 20000;
        }
        const double variance = 0.25 * 0.75 / (4 * concentration + 1);
        EXPECT_NEAR(mean, 0.25, 5 * std::sqrt(variance / 20000));
        EXPECT_NEAR(square - mean * mean, variance, 0.05 * variance);
    }
}

TEST(Synthetic, ProbabilitiesStayNormalHoweverSmallTheConcentration) {
    Dataset dataset = make_synthetic({.dirichlet = 1e-100});
    for (const double p : dataset.probs) EXPECT_GE(p, DBL_MIN);
    check_dataset(dataset, "test");
}

TEST(Synthetic, ZipfWeightsFallLikeOneOverTheRank) {
    const Dataset dataset = make_synthetic({.contexts = 50, .weights = SyntheticWeights::zipf});
    for (std::int64_t j = 1; j < 50; ++j) {
        EXPECT_NEAR(dataset.context_probs[j] * static_cast<double>(j + 1), dataset.context_probs[0], 1e-15);
    }
}

TEST(Synthetic, DefaultsFitSmallVocabulariesAndFewContexts) {
    for (const std::int64_t vocab : {1, 2, 3, 5}) {
        for (const std::int64_t contexts : {1, 2, 50}) {
            Dataset dataset = make_synthetic({.vocab_size = vocab, .contexts = contexts});
            check_dataset(dataset, "test");
            EXPECT_EQ(dataset.contexts(), contexts);
        }
    }
}

TEST(Synthetic, RefusesWhatCannotBe) {
    EXPECT_THROW(make_synthetic({.vocab_size = 0}), InputError);
    EXPECT_THROW(make_synthetic({.contexts = 0}), InputError);
    EXPECT_THROW(make_synthetic({.supports = 0}), InputError);
    EXPECT_THROW(make_synthetic({.vocab_size = 5, .least_support = 2, .most_support = 6}), InputError);
    EXPECT_THROW(make_synthetic({.least_support = 0, .most_support = 1}), InputError);
    EXPECT_THROW(make_synthetic({.least_support = 3, .most_support = 2}), InputError);
    EXPECT_THROW(make_synthetic({.vocab_size = 7, .supports = 36, .least_support = 3, .most_support = 3}),
                 InputError);
    EXPECT_THROW(make_synthetic({.dirichlet = 0}), InputError);
    EXPECT_THROW(make_synthetic({.dirichlet = NAN}), InputError);
    EXPECT_THROW(make_synthetic({.vocab_size = INT64_MAX}), InputError);
}

}  // namespace
}  // namespace ntpgeo
