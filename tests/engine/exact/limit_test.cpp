// L_mm against closed forms, a plain solver and certificates that share no code with the engine.
#include "engine/exact/limit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/base/status.hpp"
#include "tests/exact_reference.hpp"
#include "tests/metering_backend.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using reference::Dense;

std::vector<std::vector<std::int32_t>> subsets(std::int32_t vocab, std::size_t size) {
    std::vector<std::vector<std::int32_t>> sets;
    for (std::uint32_t bits = 0; bits < (1U << vocab); ++bits) {
        std::vector<std::int32_t> set;
        for (std::int32_t v = 0; v < vocab; ++v)
            if ((bits >> v) & 1U) set.push_back(v);
        if (set.size() == size) sets.push_back(set);
    }
    return sets;
}

/// Solves and gives L_mm as a dense [m, V] matrix.
Dense solve(LimitSolver& solver, const Dataset& data) {
    while (!solver.ended()) solver.advance();
    const SingularFactors factors = solver.factors();
    return reference::product(factors.words, factors.contexts, data.vocab_size, data.contexts(),
                              factors.rank());
}

double distance(const Dense& a, const Dense& b) {
    double square = 0, norm = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        square += (a[i] - b[i]) * (a[i] - b[i]);
        norm += b[i] * b[i];
    }
    return std::sqrt(square / norm);
}

TEST(Limit, IsTheCentredSupportMatrixInTheClosedForms) {
    const auto backend = make_cpu_backend();
    std::vector<std::vector<std::int32_t>> repeated = subsets(5, 1);
    for (const auto& set : subsets(5, 1)) repeated.push_back(set);
    for (const Dataset& data :
         {uniform_dataset(6, subsets(6, 1)), uniform_dataset(5, subsets(5, 2)),
          uniform_dataset(6, subsets(6, 3)), uniform_dataset(5, repeated), uniform_dataset(2, {{0}, {1}})}) {
        LimitSolver solver(*backend, data, 1e-10);
        const Dense limit = solve(solver, data);
        EXPECT_TRUE(solver.finished());
        const Dense expected = reference::centred_support(data);
        EXPECT_LT(distance(limit, expected), 1e-8);
        EXPECT_EQ(*solver.proxy().sign_violations, 0);
        EXPECT_NEAR(solver.proxy().nuclear_norm,
                    reference::nuclear_norm(expected, data.contexts(), data.vocab_size), 1e-9);
        EXPECT_NEAR(*solver.best()->proxy_alignment, 1, 1e-9);
    }
}

TEST(Limit, TakesNoMoreMemoryThanItSaid) {
    for (const auto& [vocab, contexts] : {std::pair<int, int>{20, 300}, {60, 25}}) {
        MeteringBackend backend;
        const Dataset data = random_dataset(vocab, contexts, contexts, 1, 4, 3);
        LimitSolver solver(backend, data, 1e-9);
        solve(solver, data);
        const Dataset merged = merge_by_support(data).labels;
        EXPECT_LE(backend.peak, LimitSolver::bytes(merged.contexts(), vocab) + labels_bytes(merged) +
                                    merged.contexts() * 8);
    }
}

// One context: L_mm is the least feasible vector: k entries at (V − k)/V, the others 1 below.
TEST(Limit, OfOneContextIsItsOwnVector) {
    const auto backend = make_cpu_backend();
    const Dataset data = uniform_dataset(5, {{1, 3}});
    LimitSolver solver(*backend, data, 1e-10);
    const Dense limit = solve(solver, data);
    for (const std::size_t v : {1, 3}) EXPECT_NEAR(limit[v], 0.6, 1e-9);
    for (const std::size_t v : {0, 2, 4}) EXPECT_NEAR(limit[v], -0.4, 1e-9);
}

TEST(Limit, IsZeroWhereEverySupportIsFull) {
    const auto backend = make_cpu_backend();
    for (const Dataset& data : {uniform_dataset(3, {{0, 1, 2}, {0, 1, 2}}), uniform_dataset(1, {{0}})}) {
        LimitSolver solver(*backend, data, 1e-6);
        EXPECT_TRUE(solver.finished());
        EXPECT_FALSE(solver.best()->bound.has_value());
        EXPECT_FALSE(solver.best()->relative_gap.has_value());
        EXPECT_FALSE(solver.proxy().sign_violations.has_value());
        EXPECT_EQ(solver.best()->nuclear_norm, 0);
        EXPECT_EQ(solver.factors().rank(), 0);
    }
}

TEST(Limit, AFullSupportAmongOthersHasAColumnOfZeros) {
    const auto backend = make_cpu_backend();
    const Dataset data = uniform_dataset(4, {{0}, {0, 1, 2, 3}, {1, 2}});
    LimitSolver solver(*backend, data, 1e-9);
    const Dense limit = solve(solver, data);
    for (std::size_t v = 4; v < 8; ++v) EXPECT_NEAR(limit[v], 0, 1e-8);
}

class RandomLimit : public testing::TestWithParam<int> {
  protected:
    // Every second case has contexts that share supports.
    Dataset data_ = random_dataset(5 + GetParam() % 4, 7 + GetParam() % 5, GetParam() % 2 == 0 ? 5 : 40, 1, 3,
                                   static_cast<std::uint64_t>(GetParam()));
};

TEST_P(RandomLimit, AgreesWithAPlainSolverAndItsCertificateHolds) {
    const auto backend = make_cpu_backend();
    LimitSolver solver(*backend, data_, 1e-9);
    const Dense limit = solve(solver, data_);
    const LimitCertificate& certificate = *solver.best();
    EXPECT_TRUE(solver.finished());
    EXPECT_LT(reference::infeasibility(data_, limit), 1e-10);
    const double norm = reference::nuclear_norm(limit, data_.contexts(), data_.vocab_size);
    EXPECT_LE(norm, certificate.nuclear_norm * (1 + 1e-13));
    EXPECT_NEAR(norm, certificate.nuclear_norm, 1e-9 * norm);
    const double optimum = reference::plain_margin_optimum(data_, 4000);
    EXPECT_NEAR(norm, optimum, 1e-6 * optimum);
    EXPECT_LE(*certificate.bound, optimum);
    for (std::int64_t j = 0; j < data_.contexts(); ++j) {
        double sum = 0;
        for (std::int64_t v = 0; v < data_.vocab_size; ++v) sum += limit[j * data_.vocab_size + v];
        EXPECT_NEAR(sum, 0, 1e-9);
    }
}

// The dual point of the merged problem, lifted to one row a context, proves the same bound there.
TEST_P(RandomLimit, TheMergedCertificateHoldsUnmerged) {
    const auto backend = make_cpu_backend();
    LimitSolver solver(*backend, data_, 1e-9);
    for (int k = 0; k < 15; ++k) solver.advance();
    const std::vector<double> state = solver.state().y;
    solver.advance(true);
    const MergedContexts merged = merge_by_support(data_);
    const Dense y = spread_over_members(merged, state, data_.vocab_size);
    Dense m = reference::onto_margins(data_, y);
    for (std::size_t i = 0; i < m.size(); ++i) m[i] -= y[i];
    EXPECT_NEAR(reference::margin_bound(data_, m), *solver.newest()->bound, 1e-9 * *solver.newest()->bound);
}

INSTANTIATE_TEST_SUITE_P(Cases, RandomLimit, testing::Range(0, 8));

// Whatever the iterate, the bound stays below the optimum and the value above it: also where the state is
// noise.
TEST(Limit, BoundsHoldOnAThousandCasesAndBrokenIterates) {
    const auto backend = make_cpu_backend();
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        const Dataset data = random_dataset(4 + static_cast<std::int64_t>(seed % 5), 6, 4, 1, 3, seed);
        LimitSolver exact(*backend, data, 1e-9);
        while (!exact.ended()) exact.advance();
        const double low = *exact.best()->bound, high = exact.best()->nuclear_norm;
        LimitSolver early(*backend, data, 1e-9);
        for (int k = 0; k < 1 + static_cast<int>(seed % 4); ++k) early.advance(true);
        EXPECT_LE(*early.newest()->bound, high) << seed;
        EXPECT_GE(early.newest()->nuclear_norm, low) << seed;
        LimitSolver::State broken;
        broken.y = exact.state().y;
        for (double& value : broken.y) value += 0.3 * normal(random);
        early.restore(broken);
        early.advance(true);
        EXPECT_LE(*early.newest()->bound, high) << seed;
        EXPECT_GE(early.newest()->nuclear_norm, low) << seed;
        EXPECT_GT(*early.newest()->relative_gap, 1e-4) << seed;
    }
}

TEST(Limit, RefusesAToleranceThatFp64CannotCertify) {
    const auto backend = make_cpu_backend();
    const Dataset data = random_dataset(12, 20, 15, 1, 4, 3);
    for (const double tolerance : {0.0, -1.0, 1e-15, std::nan("")})
        EXPECT_THROW(LimitSolver(*backend, data, tolerance), InputError);
}

}  // namespace
}  // namespace ntpgeo
