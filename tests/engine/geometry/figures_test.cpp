// The figures of a record against the naive dense reference, and the closed forms of design 1.5.
#include "engine/geometry/figures.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "tests/gradient_states.hpp"
#include "tests/oracle.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using oracle::Dense;

struct Setting {
    Dataset data;
    std::int64_t dim;
    std::vector<double> words, contexts;
};

Figures measure(const Setting& s, double lambda = 0, Precision precision = Precision::fp64) {
    const auto backend = make_cpu_backend();
    FigureMeter meter(*backend, s.data);
    const Array w = upload_array(*backend, s.words), h = upload_array(*backend, s.contexts);
    return meter.measure(w.matrix(Real::fp64, s.data.vocab_size, s.dim),
                         h.matrix(Real::fp64, s.data.contexts(), s.dim), lambda, precision, 0, 0);
}

Dense words_of(const Setting& s) {
    return oracle::dense(s.words, static_cast<std::size_t>(s.data.vocab_size),
                         static_cast<std::size_t>(s.dim));
}
Dense contexts_of(const Setting& s) {
    return oracle::dense(s.contexts, static_cast<std::size_t>(s.data.contexts()),
                         static_cast<std::size_t>(s.dim));
}

void expect_near(std::optional<double> actual, long double expected, const char* what,
                 double tolerance = 1e-11) {
    ASSERT_TRUE(actual.has_value()) << what;
    EXPECT_NEAR(*actual, static_cast<double>(expected),
                tolerance * std::max(1.0, std::abs(static_cast<double>(expected))))
        << what;
}

/// Within-class and total energy of the columns of `a` over classes of two or more contexts with equal
/// supports.
std::pair<long double, long double> class_energies(const Dataset& data, const Dense& a) {
    std::map<std::vector<std::int32_t>, std::vector<std::int64_t>> classes;
    for (std::int64_t j = 0; j < data.contexts(); ++j)
        classes[{data.indices.begin() + data.indptr[j], data.indices.begin() + data.indptr[j + 1]}].push_back(
            j);
    long double within = 0, total = 0;
    for (const auto& [support, members] : classes) {
        if (members.size() < 2) continue;
        for (const auto& row : a) {
            long double mean = 0;
            for (const std::int64_t j : members)
                mean += row[static_cast<std::size_t>(j)] / static_cast<long double>(members.size());
            for (const std::int64_t j : members) {
                const long double x = row[static_cast<std::size_t>(j)];
                within += (x - mean) * (x - mean);
                total += x * x;
            }
        }
    }
    return {within, total};
}

long double mean_pairwise_cosine(const Dataset& data, const Dense& h) {
    std::map<std::vector<std::int32_t>, std::vector<std::int64_t>> classes;
    for (std::int64_t j = 0; j < data.contexts(); ++j)
        classes[{data.indices.begin() + data.indptr[j], data.indices.begin() + data.indptr[j + 1]}].push_back(
            j);
    long double sum = 0;
    int count = 0;
    for (const auto& [support, members] : classes) {
        if (members.size() < 2) continue;
        long double cosines = 0;
        int pairs = 0;
        for (const std::int64_t a : members)
            for (const std::int64_t b : members)
                if (a < b) {
                    cosines +=
                        oracle::cosine({h[static_cast<std::size_t>(a)]}, {h[static_cast<std::size_t>(b)]});
                    ++pairs;
                }
        sum += cosines / pairs;
        ++count;
    }
    return sum / count;
}

class Random : public testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(Random, AgreesWithTheDenseReference) {
    const auto [vocab, contexts, dim] = GetParam();
    Setting s{random_dataset(vocab, contexts, contexts / 3 + 1, 1, std::min(vocab, 5), 21), dim,
              random_values(vocab * dim, 0.8, 22), random_values(contexts * dim, 0.8, 23)};
    for (double& x : s.words) x += 0.3;  // words that are not centred
    const double lambda = 0.01;
    const Figures f = measure(s, lambda);

    const Dense w = words_of(s), h = contexts_of(s), l = oracle::centred(oracle::logits(w, h));
    const Dense in = oracle::sparse_part(s.data, l), out = oracle::difference(l, in);
    const Dense support = oracle::centred_support(s.data);
    const oracle::Loss loss = oracle::loss(s.data, w, h);
    expect_near(f.excess_loss, loss.excess, "excess_loss");
    expect_near(f.off_support_mass, loss.off_support_mass, "off_support_mass");
    Dense wg = loss.words_gradient, hg = loss.contexts_gradient;
    for (std::size_t i = 0; i < w.size(); ++i)
        for (std::size_t k = 0; k < w[i].size(); ++k) wg[i][k] += lambda * w[i][k];
    for (std::size_t i = 0; i < h.size(); ++i)
        for (std::size_t k = 0; k < h[i].size(); ++k) hg[i][k] += lambda * h[i][k];
    expect_near(f.grad_norm, std::hypot(oracle::frobenius(wg), oracle::frobenius(hg)), "grad_norm");
    expect_near(f.words_norm, oracle::frobenius(w), "words_norm");
    expect_near(f.contexts_norm, oracle::frobenius(h), "contexts_norm");
    expect_near(f.sparse_norm, oracle::frobenius(in), "sparse_norm");
    expect_near(f.low_rank_norm, oracle::frobenius(out), "low_rank_norm");
    expect_near(f.dominance, oracle::frobenius(out) / oracle::frobenius(in), "dominance");
    expect_near(f.alignment_proxy, oracle::cosine(out, support), "alignment_proxy");

    Dense logs = oracle::label_matrix(s.data);
    for (auto& row : logs)
        for (auto& x : row) x = x > 0 ? std::log(x) : 0;
    const Dense limit = oracle::sparse_part(s.data, logs);
    expect_near(f.in_support_error,
                oracle::frobenius(oracle::difference(in, limit)) / oracle::frobenius(limit),
                "in_support_error");

    const std::vector<oracle::Real> of_words = oracle::singular_values(oracle::centred(w));
    long double words_energy = 0, words_entropy = 0;
    for (const oracle::Real sigma : of_words) words_energy += sigma * sigma;
    for (const oracle::Real sigma : of_words)
        if (sigma > 1e-9L)
            words_entropy -= sigma * sigma / words_energy * std::log(sigma * sigma / words_energy);
    expect_near(f.words_rank, std::exp(words_entropy), "words_rank");

    long double margin = 1e30L;
    const Dense p = oracle::label_matrix(s.data);
    for (std::size_t j = 0; j < h.size(); ++j)
        for (std::size_t a = 0; a < w.size(); ++a)
            for (std::size_t b = 0; b < w.size(); ++b)
                if (p[a][j] > 0 && p[b][j] == 0) margin = std::min(margin, l[a][j] - l[b][j]);
    expect_near(f.min_margin, margin, "min_margin");

    const auto [within, total] = class_energies(s.data, out);
    expect_near(f.collapse, within / total, "collapse");
    expect_near(f.class_cosine, mean_pairwise_cosine(s.data, h), "class_cosine");

    const auto singular = oracle::singular_values(out);
    ASSERT_EQ(f.singular_values.size(), std::min<std::size_t>(16, singular.size()));
    for (std::size_t k = 0; k < f.singular_values.size(); ++k)
        EXPECT_NEAR(f.singular_values[k], static_cast<double>(singular[k]),
                    1e-8 * static_cast<double>(singular[0]))
            << k;
    expect_near(f.stable_rank, oracle::inner(out, out) / (singular[0] * singular[0]), "stable_rank");

    const Dense centred_words = oracle::centred(w);
    expect_near(
        f.words_gram_proxy,
        oracle::cosine(oracle::product_transposed(centred_words, centred_words), oracle::gram_root(support)),
        "words_gram_proxy", 1e-8);
    expect_near(
        f.contexts_gram_proxy,
        oracle::cosine(oracle::product_transposed(h, h), oracle::gram_root(oracle::transposed(support))),
        "contexts_gram_proxy", 1e-8);
}

// More contexts than words, fewer, and a single word more than the support.
INSTANTIATE_TEST_SUITE_P(Figures, Random,
                         testing::Values(std::tuple(12, 30, 5), std::tuple(25, 9, 4), std::tuple(6, 20, 8),
                                         std::tuple(3, 12, 1)));

TEST(Figures, CollapsedContextsHaveCollapseZeroAndCosineOne) {
    Setting s{random_dataset(14, 12, 4, 2, 4, 5), 6, random_values(14 * 6, 1, 1),
              random_values(12 * 6, 1, 2)};
    for (std::int64_t j = 4; j < 12; ++j)  // context j has the support of context j mod 4
        for (std::int64_t k = 0; k < 6; ++k) s.contexts[j * 6 + k] = s.contexts[(j % 4) * 6 + k];
    const Figures f = measure(s);
    EXPECT_NEAR(f.collapse.value(), 0, 1e-15);
    EXPECT_NEAR(f.class_cosine.value(), 1, 1e-14);
}

TEST(Figures, WhatDoesNotExistIsEmpty) {
    // All supports of size 1 and all different: no sparse part, no L_in, no class of two contexts.
    const Setting one_hot{make_dataset(4, {{0}, {1}, {2}}, {{1}, {1}, {1}}), 3, random_values(12, 1, 1),
                          random_values(9, 1, 2)};
    const Figures f = measure(one_hot);
    EXPECT_EQ(f.sparse_norm, 0);
    EXPECT_FALSE(f.dominance || f.in_support_error || f.collapse || f.class_cosine);
    EXPECT_TRUE(f.alignment_proxy && f.min_margin && f.stable_rank);
    // All supports full: nothing outside F, no word off the support.
    const Setting full{make_dataset(3, {{0, 1, 2}, {0, 1, 2}}, {{0.2, 0.3, 0.5}, {0.3, 0.3, 0.4}}), 2,
                       random_values(6, 1, 1), random_values(4, 1, 2)};
    const Figures g = measure(full);
    EXPECT_EQ(g.low_rank_norm, 0);
    EXPECT_EQ(g.dominance.value(), 0);
    EXPECT_EQ(g.singular_values, std::vector<double>(g.singular_values.size(), 0.0));
    EXPECT_FALSE(g.stable_rank || g.alignment_proxy || g.min_margin || g.collapse || g.words_gram_proxy ||
                 g.contexts_gram_proxy);
}

TEST(Figures, TheEffectiveRankCountsEqualDirections) {
    const auto rank = [](std::int64_t dim, std::vector<double> words) {
        const auto vocab = static_cast<std::int64_t>(words.size()) / dim;
        const Setting s{random_dataset(static_cast<int>(vocab), 3, 2, 1, 2, 5), dim, std::move(words),
                        random_values(3 * static_cast<int>(dim), 1, 6)};
        return measure(s).words_rank;
    };
    // Centred, the rows of I are a simplex: V − 1 equal singular values.
    expect_near(rank(4, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}), 3, "simplex");
    expect_near(rank(1, {1, 2, 4}), 1, "one column");
    expect_near(rank(5, {1, 2, 3, 4, 5, 2, 1, 0, 3, 1}), 1, "more columns than rows");
    // Energies 1/4 and 3/4.
    expect_near(rank(2, {1, 0, -1, 0, 0, std::sqrt(3), 0, -std::sqrt(3)}),
                std::exp(-0.25 * std::log(0.25) - 0.75 * std::log(0.75)), "two directions");
    EXPECT_FALSE(rank(2, {1, 2, 1, 2, 1, 2}).has_value());
    EXPECT_FALSE(
        rank(1, {0.1, 0.1, 0.1, 0.1, 0.1, 0.1}).has_value());  // 0.1 is not its own mean to the last bit
}

TEST(Figures, LegalExtremesAreMeasured) {
    // m = 1; V = 2; d = 1; identical contexts; a token that is in no support.
    const Setting tiny{make_dataset(2, {{0}}, {{1}}), 1, {1, -1}, {2}};
    EXPECT_NEAR(measure(tiny).min_margin.value(), 4, 1e-14);
    EXPECT_NEAR(measure(tiny).singular_values.at(0), std::sqrt(8.0), 1e-14);
    const Setting same{
        make_dataset(4, {{0, 1}, {0, 1}}, {{0.5, 0.5}, {0.5, 0.5}}), 2, random_values(8, 1, 4), {1, 2, 1, 2}};
    EXPECT_NEAR(measure(same).collapse.value(), 0, 1e-15);
}

/// Trains to the stationary point of a small ridge.
Setting trained(Dataset data, std::int64_t dim, double lambda) {
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    Trainer trainer(*backend, labels, lbfgs_settings(dim, lambda, 20000, 10));
    while (!trainer.finished()) trainer.advance();
    const Factors factors = factors_of(*backend, trainer);
    return {std::move(data), dim, factors.words, factors.contexts};
}

// More words and contexts than a dense S̃ is made for, and fewer supports than the triplets that are
// sought: those that are zero are left out, and the cosines are exact.
TEST(Figures, AWideDatasetOfFewSupportsHasNoMoreTripletsThanItsRank) {
    std::vector<std::vector<std::int32_t>> supports;
    for (std::int32_t j = 0; j < 4200; ++j) supports.push_back({j % 3, 3 + j % 3});
    const Dataset data = make_dataset(4200, supports, std::vector<std::vector<double>>(4200, {0.5, 0.5}));
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    const SupportProxy proxy(*backend, data, labels.view());
    EXPECT_EQ(proxy.kind(), "leading 3");
    ASSERT_EQ(proxy.values().size(), 3U);
    const Directions directions = proxy.directions(16);
    EXPECT_EQ(directions.count(), 3);
    // S̃'s own factors, U and V scaled alike: UΣ^{1/2} is what the cosine with UΣUᵀ is 1 for.
    auto u = download_array<double>(*backend, directions.left.data(), 4200 * 3),
         v = download_array<double>(*backend, directions.right.data(), 4200 * 3);
    for (std::size_t i = 0; i < u.size(); ++i) {
        u[i] *= std::sqrt(directions.values[i % 3]);
        v[i] *= std::sqrt(directions.values[i % 3]);
    }
    const Array w = upload_array(*backend, u), h = upload_array(*backend, v);
    EXPECT_NEAR(proxy.words_gram_cosine(w.matrix(Real::fp64, 4200, 3)), 1, 1e-12);
    EXPECT_NEAR(proxy.contexts_gram_cosine(h.matrix(Real::fp64, 4200, 3)), 1, 1e-12);
}

TEST(ClosedForms, BalancedOneHotLabelsGiveTheSimplexEtf) {
    constexpr int vocab = 6;
    std::vector<std::vector<std::int32_t>> supports;
    for (std::int32_t v = 0; v < vocab; ++v) supports.push_back({v});
    const Setting s =
        trained(make_dataset(vocab, supports, std::vector<std::vector<double>>(vocab, {1.0})), vocab, 1e-3);
    const Figures f = measure(s);
    EXPECT_NEAR(f.alignment_proxy.value(), 1, 1e-7);
    EXPECT_NEAR(f.words_gram_proxy.value(), 1, 1e-7);
    EXPECT_NEAR(f.contexts_gram_proxy.value(), 1, 1e-7);
    EXPECT_NEAR(f.stable_rank.value(), vocab - 1, 1e-5);
    // W Wᵀ ∝ I − 11ᵀ/V: equal norms, pairwise cosines −1/(V−1).
    const Dense w = words_of(s);
    for (int a = 0; a < vocab; ++a)
        for (int b = 0; b < a; ++b)
            EXPECT_NEAR(static_cast<double>(oracle::cosine({w[static_cast<std::size_t>(a)]},
                                                           {w[static_cast<std::size_t>(b)]})),
                        -1.0 / (vocab - 1), 1e-5);
}

TEST(ClosedForms, AllSupportsOfOneSizeHaveEqualSingularValuesAndTrainToTheProxy) {
    // Every pair of {0, …, 5}: S̃ has V − 1 equal singular values, √(V−2 choose k−1) = 2.
    std::vector<std::vector<std::int32_t>> supports;
    for (std::int32_t a = 0; a < 6; ++a)
        for (std::int32_t b = a + 1; b < 6; ++b) supports.push_back({a, b});
    Dataset data = make_dataset(6, supports, std::vector<std::vector<double>>(15, {0.5, 0.5}));
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    const SupportProxy proxy(*backend, data, labels.view());
    ASSERT_EQ(proxy.values().size(), 5U);
    for (const double sigma : proxy.values()) EXPECT_NEAR(sigma, 2, 1e-13);
    EXPECT_NEAR(proxy.norm(), std::sqrt(20.0), 1e-14);
    const Figures f = measure(trained(std::move(data), 6, 1e-4));
    EXPECT_NEAR(f.alignment_proxy.value(), 1, 1e-7);
    EXPECT_NEAR(f.words_gram_proxy.value(), 1, 1e-6);
    EXPECT_NEAR(f.contexts_gram_proxy.value(), 1, 1e-6);
}

TEST(ClosedForms, AsTheRidgeFallsContextsCollapseAndTheSparsePartIsFound) {
    const Dataset data = random_dataset(12, 30, 6, 2, 3, 31);
    const Figures early = measure(trained(data, 12, 1e-3)), late = measure(trained(data, 12, 1e-7));
    EXPECT_LT(late.in_support_error.value(), 1e-2);
    EXPECT_LT(late.collapse.value(), 1e-2);
    EXPECT_LT(late.collapse.value(), 0.3 * early.collapse.value());
    EXPECT_GT(late.dominance.value(), 2 * early.dominance.value());
}

}  // namespace
}  // namespace ntpgeo
