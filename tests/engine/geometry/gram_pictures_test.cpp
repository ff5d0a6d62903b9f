#include "engine/geometry/gram_pictures.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/matrices.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using Dense = matrices::Values;
using matrices::product;
using matrices::transposed;

/// S̃ [V, m], straight from the definition.
Dense centred_support(const Dataset& data) {
    const std::int64_t m = data.contexts();
    Dense matrix(static_cast<std::size_t>(data.vocab_size * m));
    for (std::int64_t j = 0; j < m; ++j) {
        for (std::int64_t z = 0; z < data.vocab_size; ++z)
            matrix[z * m + j] =
                -static_cast<double>(data.support_size(j)) / static_cast<double>(data.vocab_size);
        for (std::int64_t at = data.indptr[j]; at < data.indptr[j + 1]; ++at)
            matrix[data.indices[at] * m + j] += 1;
    }
    return matrix;
}

Dense gram(const Factor& factor) {
    return product(b_transposed, factor.values, factor.values, factor.rows, factor.rows, factor.columns);
}

std::vector<std::int64_t> counting(std::int64_t n) {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(n));
    std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
    return numbers;
}

// A Gram matrix is positive semidefinite, and a matrix has one such square root: its square settles it.
TEST(SmallProxy, HasTheSquareRootsAsGramMatrices) {
    const auto backend = make_cpu_backend();
    for (const std::int64_t contexts : {5, 40}) {
        const Dataset data = random_dataset(9, contexts, 7, 1, 5, 3);
        const Dense support = centred_support(data), turned = transposed(support, 9, contexts);
        const SmallProxy proxy(*backend, data);
        const Dense words = gram(proxy.words()), all = gram(proxy.contexts(counting(contexts)));
        const Dense words_square = product(plain, words, words, 9, 9, 9),
                    wanted = product(plain, support, turned, 9, 9, contexts);
        for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(words_square[i], wanted[i], 1e-10);
        const Dense square = product(plain, all, all, contexts, contexts, contexts);
        const Dense wanted_contexts = product(plain, turned, support, contexts, contexts, 9);
        for (std::size_t i = 0; i < square.size(); ++i) EXPECT_NEAR(square[i], wanted_contexts[i], 1e-10);
    }
}

TEST(SmallProxy, GivesTheContextsAskedForInTheirOrder) {
    const auto backend = make_cpu_backend();
    const Dataset data = random_dataset(8, 20, 6, 1, 4, 1);
    const SmallProxy proxy(*backend, data);
    const Factor all = proxy.contexts(counting(20)), some = proxy.contexts({7, 2});
    for (std::int64_t k = 0; k < all.columns; ++k) {
        EXPECT_EQ(some.values[k], all.values[7 * all.columns + k]);
        EXPECT_EQ(some.values[all.columns + k], all.values[2 * all.columns + k]);
    }
}

TEST(SmallProxy, HasNoDirectionWhereEverySupportIsFull) {
    const auto backend = make_cpu_backend();
    const Dataset data = uniform_dataset(3, {{0, 1, 2}, {0, 1, 2}});
    const SmallProxy proxy(*backend, data);
    EXPECT_EQ(proxy.words().columns, 0);
    EXPECT_EQ(proxy.word_order(), counting(3));
    for (const double cosine : gram_cosines(proxy.contexts({0, 1}), {0, 1})) EXPECT_TRUE(std::isnan(cosine));
}

TEST(SmallProxy, GivesAFullSupportAZeroRowAmongOthers) {
    const auto backend = make_cpu_backend();
    const Dataset data = uniform_dataset(3, {{0, 1, 2}, {0}, {1, 2}});
    const auto cosines = gram_cosines(SmallProxy(*backend, data).contexts({0, 1, 2}), {0, 1, 2});
    EXPECT_TRUE(std::isnan(cosines[0]));
    EXPECT_TRUE(std::isnan(cosines[1]));
    EXPECT_NEAR(cosines[4], 1, 1e-14);
    EXPECT_NEAR(cosines[5], -1, 1e-12);  // {0} and {1, 2} are opposite once centred
}

// Words 0, 2, 4 occur together and 1, 3, 5 occur together, in other contexts: two orthants.
TEST(SmallProxy, OrdersWordsByTheSignsOfTheLeadingDirections) {
    const auto backend = make_cpu_backend();
    const Dataset data = uniform_dataset(6, {{0, 2, 4}, {0, 2, 4}, {1, 3, 5}, {1, 3, 5}, {1, 3, 5}});
    const auto order = SmallProxy(*backend, data).word_order();
    EXPECT_EQ(order, (std::vector<std::int64_t>{0, 2, 4, 1, 3, 5}));
}

// Words 1 and 8 occur together and in most contexts; 0, 2, 3, 4, 6, 7, 9 … 13 each in one of its own: of no
// direction among the first as much as they are. Word 5 never follows.
TEST(SmallProxy, OrdersWordsAtTheirNoiseBehindTheOthersAndThoseThatNeverFollowLast) {
    const auto backend = make_cpu_backend();
    std::vector<std::vector<std::int32_t>> supports(20, {1, 8});
    for (const std::int32_t word : {0, 2, 3, 4, 6, 7, 9, 10, 11, 12, 13}) supports.push_back({word});
    const Dataset data = uniform_dataset(14, supports);
    const auto order = SmallProxy(*backend, data).word_order();
    EXPECT_EQ(order.back(), 5);
    EXPECT_EQ(order[0], 1);  // positive along the first direction
    EXPECT_EQ(order[1], 8);
}

TEST(ShownContexts, StandByClassSizeAndThenByTheFirstContext) {
    // Classes: {0} of contexts 0, 3; {1} of 1; {2} of 2, 4, 5; {0, 1} of 6, 7.
    const Dataset data = uniform_dataset(3, {{0}, {1}, {2}, {0}, {2}, {2}, {0, 1}, {0, 1}});
    const ShownContexts shown = shown_contexts(data, 8);
    EXPECT_EQ(shown.contexts, (std::vector<std::int64_t>{2, 4, 5, 0, 3, 6, 7, 1}));
    EXPECT_EQ(shown.class_sizes, (std::vector<std::int64_t>{3, 2, 2, 1}));
    EXPECT_EQ(shown.classes, 4);
}

TEST(ShownContexts, LeaveRoomForEveryOneOfFewClasses) {
    const Dataset data = uniform_dataset(3, {{0}, {1}, {2}, {0}, {2}, {2}, {0, 1}, {0, 1}});
    const ShownContexts shown = shown_contexts(data, 5);  // one a class, since ⌊5/4⌋ = 1
    EXPECT_EQ(shown.contexts, (std::vector<std::int64_t>{2, 0, 6, 1}));
    EXPECT_EQ(shown_contexts(data, 3).contexts, (std::vector<std::int64_t>{2, 0, 6}));
}

TEST(GramCosines, AreThoseOfTheRowsInOrder) {
    const Factor factor{3, 2, {3, 0, 0, 0, 1, 1}};
    const auto cosines = gram_cosines(factor, {2, 0, 1});
    EXPECT_NEAR(cosines[1], std::sqrt(0.5), 1e-15);
    EXPECT_NEAR(cosines[3], std::sqrt(0.5), 1e-15);
    EXPECT_NEAR(cosines[0], 1, 1e-15);
    for (const int at : {2, 5, 6, 7, 8}) EXPECT_TRUE(std::isnan(cosines[at])) << at;
}

TEST(CentreColumns, TakesOffTheMeanRow) {
    Factor factor{2, 2, {1, 5, 3, -1}};
    centre_columns(factor);
    EXPECT_EQ(factor.values, (Dense{-1, 3, 1, -3}));
}

}  // namespace
}  // namespace ntpgeo
