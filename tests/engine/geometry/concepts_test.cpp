// Concept spaces against dense triplets, and clusters of points placed by hand.
#include "engine/geometry/concepts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <tuple>

#include "engine/data/labels.hpp"
#include "tests/oracle.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using oracle::Dense;
using Ids = std::vector<std::int64_t>;

ConceptSpace space_of_supports(const Dataset& data, std::int64_t count) {
    const auto backend = make_cpu_backend();
    return support_concepts(*backend, data, count);
}

/// Expects that `space` holds the `expected` leading singular triplets of `a`, as residuals, orthogonality
/// and values say, with the sign that the contract fixes.
void expect_triplets(const ConceptSpace& space, const Dense& a, std::size_t expected) {
    const auto values = oracle::singular_values(a);
    const double scale = static_cast<double>(values[0]);
    ASSERT_EQ(space.values.size(), expected);
    ASSERT_EQ(space.words.size(), a.size() * expected);
    ASSERT_EQ(space.contexts.size(), a[0].size() * expected);
    const Dense u = oracle::transposed(oracle::dense(space.words, a.size(), expected)),
                v = oracle::transposed(oracle::dense(space.contexts, a[0].size(), expected));
    for (std::size_t k = 0; k < expected; ++k) {
        EXPECT_NEAR(space.values[k], static_cast<double>(values[k]), 1e-9 * scale) << k;
        for (std::size_t i = 0; i < a.size(); ++i)
            EXPECT_NEAR(static_cast<double>(oracle::inner({a[i]}, {v[k]})),
                        space.values[k] * static_cast<double>(u[k][i]), 1e-8 * scale);
        for (std::size_t c = 0; c < expected; ++c) {
            EXPECT_NEAR(static_cast<double>(oracle::inner({u[k]}, {u[c]})), k == c, 1e-9);
            EXPECT_NEAR(static_cast<double>(oracle::inner({v[k]}, {v[c]})), k == c, 1e-7);
        }
        oracle::Real largest = 0, smallest = 0;
        for (const oracle::Real x : u[k]) {
            largest = std::max(largest, x);
            smallest = std::min(smallest, x);
        }
        EXPECT_GE(largest, -smallest * (1 - 2e-9L)) << k;
    }
}

TEST(ConceptSpace, HoldsTheLeadingTripletsOfTheSupports) {
    for (const auto& [vocab, contexts] : {std::array<std::int64_t, 2>{15, 40}, {30, 12}}) {
        const Dataset data = random_dataset(vocab, contexts, contexts, 1, 5, 3);
        const ConceptSpace space = space_of_supports(data, 5);
        expect_triplets(space, oracle::centred_support(data), 5);
        EXPECT_EQ(std::count(space.tied.begin(), space.tied.end(), true), 0);
    }
}

// Wider than the dense decomposition, of rank 6: Krylov spaces meet the end of the matrix.
TEST(ConceptSpace, OfALargeProductHoldsNoMoreThanItsRank) {
    constexpr std::int64_t vocab = 300, contexts = 320, dim = 6;
    const auto backend = make_cpu_backend();
    const auto w = random_values(vocab * dim, 1, 1), h = random_values(contexts * dim, 1, 2);
    const Array words = upload_array(*backend, w), others = upload_array(*backend, h);
    const FactoredMatrix product(*backend, words.matrix(Real::fp64, vocab, dim),
                                 others.matrix(Real::fp64, contexts, dim));
    const ConceptSpace space = concept_space(*backend, product, 9);
    ASSERT_EQ(space.count(), dim);
    EXPECT_LT(space.residual, 1e-9);
    double square = 0;  // of all singular values: ‖WHᵀ‖_F²
    for (std::int64_t i = 0; i < vocab; ++i)
        for (std::int64_t j = 0; j < contexts; ++j) {
            double entry = 0;
            for (std::int64_t k = 0; k < dim; ++k) entry += w[i * dim + k] * h[j * dim + k];
            square += entry * entry;
        }
    for (const double value : space.values) square -= value * value;
    EXPECT_NEAR(square, 0, 1e-7);
}

TEST(ConceptSpace, OfOneMatrixHasItsSingularVectors) {
    const auto backend = make_cpu_backend();
    for (const auto& [rows, columns] : {std::array<std::int64_t, 2>{20, 4}, {5, 12}}) {
        const auto values = random_values(rows * columns, 1, 8);
        const Array memory = upload_array(*backend, values);
        const FactoredMatrix matrix(*backend, memory.matrix(Real::fp64, rows, columns), std::nullopt);
        expect_triplets(
            concept_space(*backend, matrix, 3),
            oracle::dense(values, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)), 3);
    }
}

TEST(ConceptSpace, SaysWhereSingularValuesAreEqual) {
    std::vector<std::vector<std::int32_t>> pairs;
    for (std::int32_t a = 0; a < 6; ++a)
        for (std::int32_t b = a + 1; b < 6; ++b) pairs.push_back({a, b});
    const Dataset data = make_dataset(6, pairs, std::vector<std::vector<double>>(pairs.size(), {0.5, 0.5}));
    for (const std::int64_t count : {1, 3, 9}) {  // of five; the last of a few is tied with the one behind it
        const ConceptSpace space = space_of_supports(data, count);
        ASSERT_EQ(space.count(), std::min<std::int64_t>(count, 5));
        EXPECT_EQ(std::count(space.tied.begin(), space.tied.end(), true), space.count());
    }
}

TEST(ConceptSpace, OfFullSupportsIsEmpty) {
    const Dataset data = make_dataset(2, {{0, 1}, {0, 1}}, {{0.5, 0.5}, {0.25, 0.75}});
    EXPECT_EQ(space_of_supports(data, 3).count(), 0);
    // Where 1/V is no double, the centred matrix would be 0 to rounding only.
    const std::vector<std::int32_t> all{0, 1, 2, 3, 4, 5, 6, 7, 8};
    const Dataset ninths =
        make_dataset(9, std::vector<std::vector<std::int32_t>>(14, all),
                     std::vector<std::vector<double>>(14, std::vector<double>(9, 1.0 / 9)));
    EXPECT_EQ(space_of_supports(ninths, 3).count(), 0);
}

// Two topics that share no word: the leading direction of S̃ has one topic at either end.
TEST(ConceptSpace, TellsTopicsApart) {
    std::vector<std::vector<std::int32_t>> supports;
    for (std::int32_t a = 0; a < 4; ++a)
        for (std::int32_t b = a + 1; b < 4; ++b)
            for (const std::int32_t topic : {0, 4}) supports.push_back({a + topic, b + topic});
    const Dataset data =
        make_dataset(8, supports, std::vector<std::vector<double>>(supports.size(), {0.5, 0.5}));
    const ConceptSpace space = space_of_supports(data, 1);
    const std::vector<Orthant> words = orthants(space.words, space.values),
                               contexts = orthants(space.contexts, space.values);
    ASSERT_EQ(words.size(), 2U);
    EXPECT_EQ(words[0].signs + words[1].signs, "+-");
    EXPECT_EQ(words[0].members, (Ids{0, 1, 2, 3}));
    EXPECT_EQ(words[1].members, (Ids{4, 5, 6, 7}));
    ASSERT_EQ(contexts.size(), 2U);
    for (const std::int64_t j : contexts[0].members) EXPECT_LT(data.indices[data.indptr[j]], 4);
    EXPECT_EQ(contexts[0].members.size(), 6U);
    EXPECT_EQ(axis_ends(space.words, 1, 0, 3).positive, (Ids{0, 1, 2}));
    EXPECT_EQ(axis_ends(space.words, 1, 0, 9).negative, (Ids{4, 5, 6, 7}));
}

TEST(AxisEnds, AreTheFurthestOnTheirSideOfZero) {
    const std::vector<double> points = {5, 1, 0, -2, 1e-12, 3, 0, -2, 0, 3, 0, -7};  // [6, 2]
    const AxisEnds second = axis_ends(points, 2, 1, 2), first = axis_ends(points, 2, 0, 9);
    EXPECT_EQ(second.positive, (Ids{2, 4}));
    EXPECT_EQ(second.negative, (Ids{5, 1}));
    EXPECT_EQ(first.positive, (Ids{0}));  // 1e-12 is no side
    EXPECT_TRUE(first.negative.empty());
}

TEST(Orthants, AreOrderedByDistanceInTheScaledCoordinates) {
    // Scaled by σ = (100, 1), point 0 is furthest from the centre (1.2, 7), and would be nearest unscaled.
    const std::vector<double> points = {1.8, 8, 0.9, 9, 0.9, 4, -1, 4, 0, 4};
    const std::vector<Orthant> found = orthants(points, {100, 1});
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].signs, "++");
    EXPECT_EQ(found[0].members, (Ids{1, 2, 0}));
    EXPECT_EQ(found[1].signs, "-+");  // before "0+", by the pattern
    EXPECT_EQ(found[1].members, (Ids{3}));
    EXPECT_EQ(found[2].signs, "0+");
    EXPECT_EQ(found[2].members, (Ids{4}));
    for (const Orthant& orthant : found) EXPECT_FALSE(orthant.apart);
}

/// A unit vector of n entries that singles out the first `few` points equally, as centring leaves it.
std::vector<double> singled_out(std::size_t few, std::size_t n) {
    const double p = static_cast<double>(few) / static_cast<double>(n), size = static_cast<double>(n);
    std::vector<double> points(n, -std::sqrt(p / ((1 - p) * size)));
    std::fill_n(points.begin(), few, std::sqrt((1 - p) / (p * size)));
    return points;
}

TEST(CoordinateNoise, IsAFifthOfTheMeanSquareAndSetsTheRestOfAFewAtZero) {
    EXPECT_NEAR(coordinate_noise({3, 1, -1, 1}, 2)[0], 1, 1e-8);  // (9 + 1)/2 · 1/5
    EXPECT_NEAR(coordinate_noise({3, 1, -1, 1}, 2)[1], std::sqrt(0.2), 1e-8);
    EXPECT_NEAR(coordinate_noise({3, 100, 1, -100}, 1, {false, true, false, true})[0], 1, 1e-8);
    EXPECT_EQ(coordinate_noise({3, 1}, 2, {true}), (std::vector<double>{0, 0}));
    // One point in seven: the others stand where centring alone has put them. One in six is the threshold,
    // where rounding decides nothing.
    for (const auto& [few, n, rest] :
         {std::tuple{1, 7, '0'}, {2, 13, '0'}, {1, 6, '-'}, {5, 30, '-'}, {1, 2, '-'}}) {
        const auto points = singled_out(static_cast<std::size_t>(few), static_cast<std::size_t>(n));
        const auto noise = coordinate_noise(points, 1);
        EXPECT_EQ(coordinate_signs(&points.front(), noise), "+") << n;
        EXPECT_EQ(coordinate_signs(&points.back(), noise), std::string(1, rest)) << n;
    }
}

TEST(Orthants, KeepWhatIsAtItsNoiseAndWhatStandsApartInClassesOfTheirOwn) {
    const std::vector<double> points = {5, 0.1, -0.1, -5, 4, 0.2, -5};
    const std::vector<bool> apart = {false, false, false, false, true, true, true};
    const std::vector<Orthant> found = orthants(points, {1}, apart);
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].signs, "0");
    EXPECT_TRUE(found[0].apart);
    EXPECT_EQ(std::set<std::int64_t>(found[0].members.begin(), found[0].members.end()),
              (std::set<std::int64_t>{4, 5, 6}));
    EXPECT_EQ(found[1].signs, "0");
    EXPECT_FALSE(found[1].apart);
    EXPECT_EQ(found[1].members, (Ids{1, 2}));
    EXPECT_EQ(found[2].signs + found[3].signs, "+-");
    EXPECT_EQ(axis_ends(points, 1, 0, 9, apart).positive, (Ids{0}));
    EXPECT_EQ(axis_ends(points, 1, 0, 9, apart).negative, (Ids{3}));
    EXPECT_EQ(axis_ends(points, 1, 0, 9).negative, (Ids{3, 6}));
}

// Of nine words three follow in every fourth context, one alone, and two never: S̃'s rows of these agree.
TEST(ConceptSpace, HasTheWordsThatNeverFollowAtOnePlace) {
    const Dataset data =
        make_dataset(9, {{0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {3, 4}, {5}, {6}},
                     {{0.5, 0.25, 0.25}, {0.5, 0.25, 0.25}, {0.5, 0.25, 0.25}, {0.5, 0.5}, {1}, {1}});
    const std::vector<bool> never = words_that_never_follow(data);
    EXPECT_EQ(never, (std::vector<bool>{false, false, false, false, false, false, false, true, true}));
    const ConceptSpace space = space_of_supports(data, 3);
    for (std::int64_t k = 0; k < space.count(); ++k)
        EXPECT_NEAR(space.words[7 * space.count() + k], space.words[8 * space.count() + k], 1e-14);
    for (const Orthant& orthant : orthants(space.words, space.values, never))
        EXPECT_EQ(orthant.apart, orthant.members == (Ids{7, 8}));
}

}  // namespace
}  // namespace ntpgeo
