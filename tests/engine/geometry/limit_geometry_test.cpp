// Figures against L_mm and along S̃'s directions, held against dense matrices written out in full.
#include "engine/geometry/limit_geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/geometry/figures.hpp"
#include "tests/oracle.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using oracle::Dense;

struct Embeddings {
    std::int64_t dim;
    std::vector<double> words, contexts;
};

Figures measure(const Dataset& data, const Embeddings& e, const LimitFactors* limit) {
    const auto backend = make_cpu_backend();
    FigureMeter meter(*backend, data, limit);
    const Array w = upload_array(*backend, e.words), h = upload_array(*backend, e.contexts);
    return meter.measure(w.matrix(Real::fp64, data.vocab_size, e.dim),
                         h.matrix(Real::fp64, data.contexts(), e.dim), 0, Precision::fp64, 0, 0);
}

Embeddings random_embeddings(const Dataset& data, std::int64_t dim, std::uint64_t seed) {
    Embeddings e{dim, random_values(data.vocab_size * dim, 0.8, seed),
                 random_values(data.contexts() * dim, 0.8, seed + 1)};
    for (double& x : e.words) x += 0.3;  // words that are not centred
    return e;
}

Dense words_of(const Dataset& data, const Embeddings& e) {
    return oracle::dense(e.words, static_cast<std::size_t>(data.vocab_size), static_cast<std::size_t>(e.dim));
}
Dense contexts_of(const Dataset& data, const Embeddings& e) {
    return oracle::dense(e.contexts, static_cast<std::size_t>(data.contexts()),
                         static_cast<std::size_t>(e.dim));
}

/// Singular triplets by the eigenvectors of A Aᵀ: u_k in row k of the first, v_k of the second.
struct Triplets {
    std::vector<oracle::Real> values;
    Dense left, right;
};
Triplets triplets(const Dense& a) {
    Triplets result;
    const auto [squares, vectors] = oracle::symmetric_eigen(oracle::product_transposed(a, a));
    for (std::size_t k = 0; k < squares.size() && squares[k] > 1e-12L * squares[0]; ++k) {
        const oracle::Real sigma = std::sqrt(squares[k]);
        std::vector<oracle::Real> v(a[0].size(), 0);
        for (std::size_t i = 0; i < a.size(); ++i)
            for (std::size_t j = 0; j < v.size(); ++j) v[j] += a[i][j] * vectors[k][i] / sigma;
        result.values.push_back(sigma);
        result.left.push_back(vectors[k]);
        result.right.push_back(v);
    }
    return result;
}

/// The factors that a limit run would hold if `l` were its L_mm.
LimitFactors factors_of(const Dense& l) {
    const Triplets t = triplets(l);
    LimitFactors factors{static_cast<std::int64_t>(l.size()),
                         static_cast<std::int64_t>(l[0].size()),
                         static_cast<std::int64_t>(t.values.size()),
                         {},
                         {}};
    const auto append = [&](const Dense& vectors, std::size_t rows, std::vector<double>& out) {
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t k = 0; k < t.values.size(); ++k)
                out.push_back(static_cast<double>(vectors[k][i] * std::sqrt(t.values[k])));
    };
    append(t.left, l.size(), factors.words);
    append(t.right, l[0].size(), factors.contexts);
    return factors;
}

/// A centred matrix that is constant on each support, as L_mm is, and otherwise arbitrary.
Dense constant_on_supports(const Dataset& data, std::uint64_t seed) {
    const auto values = random_values(data.vocab_size * data.contexts(), 1, seed);
    const Dense a = oracle::centred(oracle::dense(values, static_cast<std::size_t>(data.vocab_size),
                                                  static_cast<std::size_t>(data.contexts())));
    return oracle::difference(a, oracle::sparse_part(data, a));
}

Dense low_rank_part(const Dataset& data, const Embeddings& e) {
    const Dense l = oracle::centred(oracle::logits(words_of(data, e), contexts_of(data, e)));
    return oracle::difference(l, oracle::sparse_part(data, l));
}

void expect_near(std::optional<double> actual, long double expected, const char* what, double tolerance) {
    ASSERT_TRUE(actual.has_value()) << what;
    EXPECT_NEAR(*actual, static_cast<double>(expected), tolerance) << what;
}

TEST(LimitGeometry, AgreesWithTheDenseMatrices) {
    for (const auto& [vocab, contexts, dim] :
         {std::array<std::int64_t, 3>{12, 30, 5}, {25, 9, 4}, {6, 20, 8}, {3, 12, 1}}) {
        SCOPED_TRACE(vocab);
        const Dataset data =
            random_dataset(vocab, contexts, contexts / 3 + 1, 1, std::min<std::int64_t>(vocab - 1, 5), 21);
        const Embeddings e = random_embeddings(data, dim, 22);
        const Dense limit = constant_on_supports(data, 23);
        const LimitFactors factors = factors_of(limit);
        const Figures f = measure(data, e, &factors);
        expect_near(f.alignment_limit, oracle::cosine(low_rank_part(data, e), limit), "alignment", 1e-12);
        const Dense w = oracle::centred(words_of(data, e)), h = contexts_of(data, e);
        expect_near(f.words_gram_limit,
                    oracle::cosine(oracle::product_transposed(w, w), oracle::gram_root(limit)), "words",
                    1e-8);
        expect_near(
            f.contexts_gram_limit,
            oracle::cosine(oracle::product_transposed(h, h), oracle::gram_root(oracle::transposed(limit))),
            "contexts", 1e-8);
    }
}

// Balanced one-hot labels, and every support of one size: there L_mm = S̃ (design 1.5).
TEST(LimitGeometry, WhereTheLimitIsTheProxyTheirFiguresAgree) {
    std::vector<std::vector<std::int32_t>> one_hot, pairs;
    for (std::int32_t a = 0; a < 7; ++a) {
        one_hot.push_back({a});
        for (std::int32_t b = a + 1; b < 7; ++b) pairs.push_back({a, b});
    }
    for (const auto& supports : {one_hot, pairs}) {
        const std::vector<double> p(supports[0].size(), 1.0 / static_cast<double>(supports[0].size()));
        const Dataset data = make_dataset(7, supports, std::vector<std::vector<double>>(supports.size(), p));
        const LimitFactors factors = factors_of(oracle::centred_support(data));
        const Figures f = measure(data, random_embeddings(data, 4, 31), &factors);
        expect_near(f.alignment_limit, f.alignment_proxy.value(), "alignment", 1e-13);
        expect_near(f.words_gram_limit, f.words_gram_proxy.value(), "words", 1e-12);
        expect_near(f.contexts_gram_limit, f.contexts_gram_proxy.value(), "contexts", 1e-12);
        // The limit's own factors stand at 1.
        const Figures own = measure(data, {factors.rank, factors.words, factors.contexts}, &factors);
        expect_near(own.alignment_limit, 1, "own alignment", 1e-13);
        expect_near(own.words_gram_limit, 1, "own words", 1e-13);
        expect_near(own.contexts_gram_limit, 1, "own contexts", 1e-13);
    }
}

TEST(LimitGeometry, WhatDoesNotExistIsEmpty) {
    const auto expect_empty = [](const Figures& f) {
        EXPECT_FALSE(f.alignment_limit || f.words_gram_limit || f.contexts_gram_limit);
    };
    const Dataset data = random_dataset(8, 10, 4, 1, 3, 5);
    const Embeddings e = random_embeddings(data, 3, 6);
    expect_empty(measure(data, e, nullptr));
    const LimitFactors nothing{8, 10, 0, {}, {}};
    expect_empty(measure(data, e, &nothing));
    const LimitFactors zero{8, 10, 1, std::vector<double>(8, 0.0), std::vector<double>(10, 0.0)};
    expect_empty(measure(data, e, &zero));
    const LimitFactors factors = factors_of(constant_on_supports(data, 7));
    expect_empty(measure(data, {3, std::vector<double>(24, 0.0), std::vector<double>(30, 0.0)}, &factors));
    // Words that are all the same have no centred part; their contexts still have a Gram matrix.
    const Figures same = measure(data, {3, std::vector<double>(24, 0.5), e.contexts}, &factors);
    EXPECT_FALSE(same.alignment_limit || same.words_gram_limit);
    EXPECT_TRUE(same.contexts_gram_limit);
}

TEST(DirectionStrengths, AgreeWithTheDenseTriplets) {
    // More contexts than words, fewer, and more than 16 directions.
    for (const auto& [vocab, contexts] : {std::array<std::int64_t, 2>{9, 40}, {30, 12}, {28, 60}}) {
        SCOPED_TRACE(vocab);
        const Dataset data = random_dataset(vocab, contexts, contexts, 1, 5, 41);
        const Embeddings e = random_embeddings(data, 4, 42);
        const Dense low_rank = low_rank_part(data, e);
        const Triplets t = triplets(oracle::centred_support(data));
        const std::vector<double> strengths = measure(data, e, nullptr).direction_strengths;
        ASSERT_EQ(strengths.size(), std::min<std::size_t>(16, t.values.size()));
        int checked = 0;
        for (std::size_t k = 0; k < strengths.size(); ++k) {
            const auto gap = [&](std::size_t a) { return (t.values[a] - t.values[a + 1]) / t.values[0]; };
            if ((k > 0 && gap(k - 1) < 1e-3) || (k + 1 < t.values.size() && gap(k) < 1e-3)) continue;
            oracle::Real expected = 0;
            for (std::size_t i = 0; i < low_rank.size(); ++i)
                for (std::size_t j = 0; j < low_rank[0].size(); ++j)
                    expected += t.left[k][i] * low_rank[i][j] * t.right[k][j];
            EXPECT_NEAR(strengths[k], static_cast<double>(expected),
                        1e-9 * static_cast<double>(oracle::frobenius(low_rank)))
                << k;
            ++checked;
        }
        EXPECT_GE(checked, 6);
    }
}

// Every pair of 7 words: six equal singular values, so only the sum ⟨P_⊥(L̄), UVᵀ⟩ = ⟨P_⊥(L̄), S̃⟩/σ is sure.
TEST(DirectionStrengths, OfEqualSingularValuesTheSumIsSure) {
    std::vector<std::vector<std::int32_t>> pairs;
    for (std::int32_t a = 0; a < 7; ++a)
        for (std::int32_t b = a + 1; b < 7; ++b) pairs.push_back({a, b});
    const Dataset data = make_dataset(7, pairs, std::vector<std::vector<double>>(pairs.size(), {0.5, 0.5}));
    const Embeddings e = random_embeddings(data, 3, 8);
    const std::vector<double> strengths = measure(data, e, nullptr).direction_strengths;
    ASSERT_EQ(strengths.size(), 6U);
    double sum = 0;
    for (const double strength : strengths) sum += strength;
    const oracle::Real expected =
        oracle::inner(low_rank_part(data, e), oracle::centred_support(data)) / std::sqrt(oracle::Real(5));
    EXPECT_NEAR(sum, static_cast<double>(expected), 1e-12);
}

TEST(DirectionStrengths, FullSupportsHaveNone) {
    const Dataset data = make_dataset(3, {{0, 1, 2}, {0, 1, 2}}, {{0.2, 0.3, 0.5}, {0.3, 0.3, 0.4}});
    EXPECT_TRUE(measure(data, random_embeddings(data, 2, 9), nullptr).direction_strengths.empty());
}

}  // namespace
}  // namespace ntpgeo
