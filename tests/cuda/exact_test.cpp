// The exact solvers on CUDA: the engine's code is the CPU's, so their certificates must agree.
#include <vector>

#include "engine/exact/limit.hpp"
#include "engine/exact/path.hpp"
#include "engine/exact/training_certificate.hpp"
#include "tests/cuda/cuda_fixture.hpp"
#include "tests/exact_reference.hpp"

namespace ntpgeo {
namespace {

using CudaExact = CudaTest;

/// L of the factors, one row a context.
std::vector<double> matrix_of(const SingularFactors& factors, const Dataset& data) {
    return reference::product(factors.words, factors.contexts, data.vocab_size, data.contexts(),
                              factors.rank());
}

// More support classes than words, and fewer.
std::vector<Dataset> problems(std::uint64_t seed) {
    return {random_dataset(9, 24, 14, 1, 4, seed), random_dataset(33, 12, 6, 1, 7, seed + 1)};
}

TEST_F(CudaExact, LimitHasTheCpusCertificate) {
    for (const Dataset& data : problems(seed())) {
        const auto solve = [&](Backend& backend) {
            LimitSolver solver(backend, data, 1e-9);
            while (!solver.finished() && solver.iterations() < 400) solver.advance();
            EXPECT_TRUE(solver.finished());
            return std::tuple(*solver.best(), solver.proxy(), solver.factors());
        };
        const auto [actual, proxy, factors] = solve(gpu());
        const auto [expected, cpu_proxy, cpu_factors] = solve(cpu());
        EXPECT_NEAR(actual.nuclear_norm / expected.nuclear_norm, 1, 1e-9);
        EXPECT_NEAR(*actual.bound / *expected.bound, 1, 1e-9);
        EXPECT_LE(*actual.relative_gap, 1e-9);
        EXPECT_EQ(actual.rank, expected.rank);
        EXPECT_NEAR(*actual.proxy_alignment, *expected.proxy_alignment, 1e-6);
        EXPECT_NEAR(proxy.nuclear_norm / cpu_proxy.nuclear_norm, 1, 1e-12);
        EXPECT_EQ(proxy.sign_violations, cpu_proxy.sign_violations);
        EXPECT_TRUE(close_to(matrix_of(factors, data), matrix_of(cpu_factors, data), 1e-4));
    }
}

// By products alone, which no backend here would choose at these sizes: on both, the certificates are those
// of decompositions.
TEST_F(CudaExact, LimitByProductsHasTheSameCertificate) {
    for (const Dataset& data : problems(seed())) {
        const auto solve = [&](Backend& backend, ThresholdBy by) {
            LimitSolver solver(backend, data, 1e-9, 0, by);
            while (!solver.ended()) solver.advance();
            EXPECT_TRUE(solver.finished());
            if (by == ThresholdBy::products) {
                EXPECT_GT(2 * solver.made_by_products(), solver.iterations());
            }
            return std::tuple(*solver.best(), solver.factors());
        };
        const auto [expected, factors] = solve(cpu(), ThresholdBy::decomposition);
        for (Backend* const backend : {&gpu(), &cpu()}) {
            const auto [actual, own_factors] = solve(*backend, ThresholdBy::products);
            EXPECT_NEAR(actual.nuclear_norm / expected.nuclear_norm, 1, 1e-9);
            EXPECT_NEAR(*actual.bound / *expected.bound, 1, 1e-9);
            EXPECT_LE(*actual.relative_gap, 1e-9);
            EXPECT_EQ(actual.rank, expected.rank);
            EXPECT_TRUE(close_to(matrix_of(own_factors, data), matrix_of(factors, data), 1e-4));
        }
    }
}

// Newton's method from the tenth iteration on, with sides about as long as each other, and with one of them
// over four times the other, the words' or the contexts'.
TEST_F(CudaExact, NewtonsLimitHasTheCpusCertificate) {
    for (const Dataset& data :
         {random_dataset(11, 13, 13, 1, 4, seed()), random_dataset(6, 40, 40, 1, 3, seed() + 1),
          random_dataset(33, 6, 6, 2, 5, seed() + 2)}) {
        const auto solve = [&](Backend& backend) {
            LimitSolver solver(backend, data, 1e-9);
            for (int k = 0; k < 10; ++k) solver.advance();
            LimitSolver::State state = solver.state();
            state.newton = SmoothedNewton::State{.rho = state.rho, .nu = 1e-3};
            solver.restore(state);
            while (!solver.ended()) solver.advance();
            EXPECT_TRUE(solver.finished());
            return *solver.best();
        };
        const LimitCertificate actual = solve(gpu()), expected = solve(cpu());
        EXPECT_NEAR(actual.nuclear_norm / expected.nuclear_norm, 1, 1e-9);
        EXPECT_NEAR(*actual.bound / *expected.bound, 1, 1e-9);
    }
}

TEST_F(CudaExact, PathHasTheCpusCertificates) {
    for (const Dataset& data : problems(seed())) {
        const auto solve = [&](Backend& backend) {
            PathSolver solver(backend, data, {1e-2, 1e-5}, 1e-9);
            std::vector<PathCertificate> certificates;
            while (!solver.finished()) {
                if (!solver.advance()) continue;
                certificates.push_back(*solver.last());
                solver.next_point();
            }
            return certificates;
        };
        const std::vector<PathCertificate> actual = solve(gpu()), expected = solve(cpu());
        ASSERT_EQ(actual.size(), 2U);
        ASSERT_EQ(expected.size(), 2U);
        for (std::size_t k = 0; k < actual.size(); ++k) {
            EXPECT_LE(actual[k].relative_gap, 1e-9);
            EXPECT_NEAR(actual[k].objective_excess / expected[k].objective_excess, 1, 1e-9);
            EXPECT_NEAR(actual[k].bound_excess / expected[k].bound_excess, 1, 1e-9);
            EXPECT_EQ(actual[k].rank, expected[k].rank);
        }
    }
}

TEST_F(CudaExact, PathByProductsHasTheSameCertificates) {
    for (const Dataset& data : problems(seed())) {
        const auto solve = [&](Backend& backend, ThresholdBy by) {
            PathSolver solver(backend, data, {1e-2, 1e-5}, 1e-9, by);
            std::vector<PathCertificate> certificates;
            std::int64_t iterations = 0;
            while (!solver.finished()) {
                const bool done = solver.advance();
                ++iterations;
                if (!done) continue;
                certificates.push_back(*solver.last());
                solver.next_point();
            }
            if (by == ThresholdBy::products) {
                EXPECT_GT(2 * solver.made_by_products(), iterations);
            }
            return certificates;
        };
        const std::vector<PathCertificate> expected = solve(cpu(), ThresholdBy::decomposition);
        for (Backend* const backend : {&gpu(), &cpu()}) {
            const std::vector<PathCertificate> actual = solve(*backend, ThresholdBy::products);
            ASSERT_EQ(actual.size(), expected.size());
            for (std::size_t k = 0; k < actual.size(); ++k) {
                EXPECT_LE(actual[k].relative_gap, 1e-9);
                EXPECT_NEAR(actual[k].objective_excess / expected[k].objective_excess, 1, 1e-9);
                EXPECT_NEAR(actual[k].bound_excess / expected[k].bound_excess, 1, 1e-9);
                EXPECT_EQ(actual[k].rank, expected[k].rank);
            }
        }
    }
}

// Those whose figures are known are all of a kind at this size.
TEST_F(CudaExact, ProductsAreFasterOnGpusThatAreKnown) {
    EXPECT_EQ(gpu().products_are_faster(Real::fp64, 500, 119), gpu().products_rate(Precision::fp64) > 0);
    EXPECT_FALSE(gpu().products_are_faster(Real::fp64, 20000, 119));
    EXPECT_FALSE(cpu().products_are_faster(Real::fp64, 500, 1));
}

TEST_F(CudaExact, TrainingStatesHaveTheCpusBounds) {
    constexpr std::int64_t dim = 4;
    const Dataset data = random_dataset(11, 17, 9, 1, 4, seed());
    const std::vector<double> w = random_values(data.vocab_size * dim, 1, seed()),
                              h = random_values(data.contexts() * dim, 1, seed() + 1);
    const auto bound = [&](Backend& backend) {
        const Labels labels(backend, data);
        const Array words = upload_array(backend, w), contexts = upload_array(backend, h);
        OptimumBounder bounder(backend, data, labels.view());
        return bounder.bound(words.matrix(Real::fp64, data.vocab_size, dim),
                             contexts.matrix(Real::fp64, data.contexts(), dim), 1e-3, 0, 1);
    };
    const OptimumBound actual = bound(gpu()), expected = bound(cpu());
    EXPECT_EQ(actual.kind, expected.kind);
    EXPECT_NEAR(actual.excess / expected.excess, 1, 1e-9);
}

}  // namespace
}  // namespace ntpgeo
