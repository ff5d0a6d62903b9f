// The regularization path against a closed form, a plain solver and certificates that share no code with the
// engine.
#include "engine/exact/path.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kernels/base/status.hpp"
#include "tests/exact_reference.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using reference::Dense;

Dense dense(const SingularFactors& factors, const Dataset& data) {
    return reference::product(factors.words, factors.contexts, data.vocab_size, data.contexts(),
                              factors.rank());
}

void reach(PathSolver& solver) {
    while (!solver.advance()) {
    }
}

// One-hot balanced labels: by symmetry L = a(I − 11ᵀ/V), with log(1 + (V−1)e^{-a}) + λ a(V−1) least.
TEST(Path, HasItsClosedFormForOneHotLabels) {
    const auto backend = make_cpu_backend();
    constexpr std::int64_t vocab = 5;
    std::vector<std::vector<std::int32_t>> supports;
    for (std::int32_t v = 0; v < vocab; ++v) supports.push_back({v});
    const Dataset data = make_dataset(vocab, supports, std::vector<std::vector<double>>(vocab, {1.0}));
    PathSolver solver(*backend, data, {1e-2, 1e-4, 1e-8}, 1e-10);
    for (; !solver.finished(); solver.next_point()) {
        reach(solver);
        // Stationary where e^{-a}/(1 + (V−1)e^{-a}) = λ.
        const double a = std::log(1 / solver.lambda() - (vocab - 1));
        const Dense l = dense(solver.factors(), data);
        for (std::int64_t j = 0; j < vocab; ++j)
            for (std::int64_t v = 0; v < vocab; ++v)
                EXPECT_NEAR(l[j * vocab + v], a * ((j == v ? 1.0 : 0.0) - 1.0 / vocab), 2e-4 * a);
        EXPECT_NEAR(solver.last()->objective_excess,
                    std::log1p((vocab - 1) * std::exp(-a)) + solver.lambda() * a * (vocab - 1),
                    1e-9 * solver.last()->objective_excess);
        EXPECT_EQ(solver.last()->rank, vocab - 1);
    }
}

TEST(Path, IsZeroAboveTheLargestUsefulLambda) {
    const auto backend = make_cpu_backend();
    const Dataset data = random_dataset(6, 8, 6, 1, 3, 1);
    const Dense zero(static_cast<std::size_t>(data.contexts() * data.vocab_size), 0.0);
    const double largest = reference::singular_values(reference::cross_entropy(data, zero).gradient,
                                                      data.contexts(), data.vocab_size)[0];
    PathSolver solver(*backend, data, {1.01 * largest, 0.9 * largest}, 1e-9);
    reach(solver);
    EXPECT_EQ(solver.last()->rank, 0);
    EXPECT_EQ(solver.factors().rank(), 0);
    solver.next_point();
    reach(solver);
    EXPECT_EQ(solver.last()->rank, 1);
}

// A context far lighter than the rounding of the others' gradient takes no part in the bound, and does not
// cost it.
TEST(Path, IsCertifiedBesideContextsOfNextToNoWeight) {
    const auto backend = make_cpu_backend();
    for (int seed = 0; seed < 20; ++seed) {
        Dataset data = random_dataset(26, 24, 24, 1, 24, static_cast<std::uint64_t>(seed));
        for (std::int64_t j = 1; j < data.contexts(); ++j)
            data.context_probs[j] *= std::pow(10.0, -static_cast<double>((seed + 2) * (7 * j % 24)) / 2);
        const double total = std::accumulate(data.context_probs.begin(), data.context_probs.end(), 0.0);
        for (double& weight : data.context_probs) weight /= total;
        PathSolver solver(*backend, data, {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6}, 1e-6);
        for (; !solver.finished(); solver.next_point()) {
            reach(solver);
            EXPECT_LE(solver.last()->relative_gap, 1e-6) << "seed " << seed << ", " << solver.lambda();
        }
    }
}

class RandomPath : public testing::TestWithParam<int> {
  protected:
    // Every second case repeats its contexts with equal labels and weights, so that they merge.
    static Dataset make(int seed) {
        Dataset data = random_dataset(5 + seed % 3, 6, 6, 1, 4, static_cast<std::uint64_t>(seed));
        if (seed % 2 == 0) return data;
        Dataset twice = data;
        for (std::int64_t j = 0; j < data.contexts(); j += 2) {
            twice.indices.insert(twice.indices.end(), data.indices.begin() + data.indptr[j],
                                 data.indices.begin() + data.indptr[j + 1]);
            twice.probs.insert(twice.probs.end(), data.probs.begin() + data.indptr[j],
                               data.probs.begin() + data.indptr[j + 1]);
            twice.indptr.push_back(twice.nnz());
            twice.context_probs.push_back(data.context_probs[j]);
        }
        double total = 0;
        for (const double weight : twice.context_probs) total += weight;
        for (double& weight : twice.context_probs) weight /= total;
        return twice;
    }
    Dataset data_ = make(GetParam());
};

TEST_P(RandomPath, CertificatesHoldAndTheOptimumIsThatOfAPlainSolver) {
    const auto backend = make_cpu_backend();
    EXPECT_EQ(merge_by_label(data_).labels.contexts(), 6);
    PathSolver solver(*backend, data_, {3e-2, 1e-2, 1e-4, 1e-7, 1e-10}, 1e-8);
    for (; !solver.finished(); solver.next_point()) {
        reach(solver);
        const PathCertificate& certificate = *solver.last();
        EXPECT_LE(certificate.relative_gap, 1e-8);
        const Dense point = dense(solver.factors(), data_);
        const double norm = reference::nuclear_norm(point, data_.contexts(), data_.vocab_size);
        const double objective =
            static_cast<double>(reference::cross_entropy(data_, point).excess) + certificate.lambda * norm;
        EXPECT_NEAR(certificate.objective_excess, objective, 1e-9 * objective + 1e-16);
        EXPECT_NEAR(certificate.nuclear_norm, norm, 1e-10 * norm);
        const double bound = reference::path_bound(data_, solver.bound_logits(), certificate.lambda);
        // The softmax of X alone is right to 2^-52 |x|, which at the smallest λ is no longer small against q
        // − p: with |x| up to 30 and an entropy as steep, 1e-13.
        EXPECT_NEAR(certificate.bound_excess, bound, 1e-8 * std::abs(bound) + 1e-13);
        EXPECT_GE(certificate.bound_excess, bound - 1e-9 * std::abs(bound) - 1e-13);
        if (certificate.lambda > 5e-3) {
            const double optimum = reference::plain_path_optimum(data_, certificate.lambda, 3000);
            EXPECT_NEAR(certificate.objective_excess, optimum, 1e-7 * optimum);
            EXPECT_LE(certificate.bound_excess, optimum * (1 + 1e-12));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Cases, RandomPath, testing::Range(0, 8));

TEST(Path, BoundsHoldOnAThousandCases) {
    const auto backend = make_cpu_backend();
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        const Dataset data = random_dataset(4 + static_cast<std::int64_t>(seed % 4), 5, 4, 1, 3, seed);
        const double lambda = std::pow(10.0, -1.5 - static_cast<double>(seed % 7));
        PathSolver exact(*backend, data, {lambda}, 1e-8);
        std::vector<PathCertificate> all;
        while (!exact.advance())
            if (exact.last() && exact.last()->iterations == exact.iterations()) all.push_back(*exact.last());
        all.push_back(*exact.last());
        EXPECT_LE(all.back().relative_gap, 1e-8) << seed;
        for (const PathCertificate& certificate : all) {
            EXPECT_LE(certificate.bound_excess, all.back().objective_excess) << seed;
            EXPECT_GE(certificate.objective_excess, all.back().bound_excess) << seed;
        }
    }
}

TEST(Path, GoesOnFromASavedStateWithinAPoint) {
    const auto backend = make_cpu_backend();
    const Dataset data = random_dataset(10, 20, 15, 1, 4, 3);
    PathSolver first(*backend, data, {1e-2, 1e-3, 1e-5}, 1e-9);
    reach(first);
    first.next_point();
    for (int k = 0; k < 7; ++k) first.advance();
    PathSolver second(*backend, data, {1e-2, 1e-3, 1e-5}, 1e-9);
    second.restore(first.state());
    for (; !first.finished(); first.next_point(), second.next_point()) {
        reach(first);
        reach(second);
        EXPECT_EQ(first.lambda(), second.lambda());
        EXPECT_NEAR(first.last()->objective_excess, second.last()->objective_excess,
                    2e-9 * first.last()->objective_excess);
    }
    EXPECT_TRUE(second.finished());
}

TEST(Path, RefusesGridsAndTolerances) {
    const auto backend = make_cpu_backend();
    const Dataset data = random_dataset(6, 8, 6, 1, 3, 1);
    EXPECT_THROW(PathSolver(*backend, data, {}, 1e-6), InputError);
    EXPECT_THROW(PathSolver(*backend, data, {1e-3, 1e-2}, 1e-6), InputError);
    EXPECT_THROW(PathSolver(*backend, data, {1e-3, 1e-3}, 1e-6), InputError);
    EXPECT_THROW(PathSolver(*backend, data, {1e-3, 0}, 1e-6), InputError);
    EXPECT_THROW(PathSolver(*backend, data, {1e-3}, 0), InputError);
    EXPECT_THROW(PathSolver(*backend, data, {1e-3}, std::nan("")), InputError);
}

}  // namespace
}  // namespace ntpgeo
