// L_mm on supports for which splitting alone crawls: the solver's Newton finish, how it ends, and how it goes
// on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/exact/limit.hpp"
#include "kernels/base/status.hpp"
#include "tests/exact_reference.hpp"
#include "tests/metering_backend.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

/// Context i has the words i + g, cut off at the end or round a ring.
Dataset shifted(std::int32_t vocab, const std::vector<std::int32_t>& gaps, bool ring) {
    std::vector<std::vector<std::int32_t>> supports;
    for (std::int32_t i = 0; i < vocab; ++i) {
        std::vector<std::int32_t> support;
        for (const std::int32_t gap : gaps)
            if (ring || i + gap < vocab) support.push_back((i + gap) % vocab);
        std::sort(support.begin(), support.end());
        supports.push_back(support);
    }
    return uniform_dataset(vocab, supports);
}

void finish(LimitSolver& solver) {
    while (!solver.ended()) solver.advance();
}

/// ‖L_mm‖_* of a ring by another way: L_mm may be averaged over the ring's shifts, which makes it circulant,
/// L_{i+g, i} = x_g, so that its singular values are those of the discrete Fourier transform of x. A
/// subgradient method on the smoothed sum of their sizes; good to about 1e-4.
double ring_optimum(std::size_t vocab, std::size_t width) {
    std::vector<double> x(vocab);
    const auto feasible = [&](double& level) {  // the nearest: equal on the support, 1 below elsewhere
        for (int pass = 0; pass < 100; ++pass) {
            double sum = 0, count = 0;
            for (std::size_t g = 0; g < vocab; ++g)
                if (g < width || x[g] > level - 1) {
                    sum += x[g] + (g < width ? 0 : 1);
                    count += 1;
                }
            level = sum / count;
        }
        for (std::size_t g = 0; g < vocab; ++g) x[g] = g < width ? level : std::min(x[g], level - 1);
    };
    for (std::size_t g = 0; g < vocab; ++g) x[g] = g < width ? 1 : 0;
    double level = 1, best = 1e300;
    for (int step = 0; step < 6000; ++step) {
        std::vector<double> gradient(vocab, 0.0);
        double norm = 0, square = 0;
        for (std::size_t k = 0; k < vocab; ++k) {
            double re = 0, im = 0;
            const auto angle = [&](std::size_t g) {
                return 2 * std::numbers::pi * static_cast<double>(k * g % vocab) / static_cast<double>(vocab);
            };
            for (std::size_t g = 0; g < vocab; ++g) {
                re += x[g] * std::cos(angle(g));
                im += x[g] * std::sin(angle(g));
            }
            const double size = std::hypot(re, im);
            norm += size;
            if (size < 1e-9) continue;
            for (std::size_t g = 0; g < vocab; ++g)
                gradient[g] += (re * std::cos(angle(g)) + im * std::sin(angle(g))) / size;
        }
        best = std::min(best, norm);
        for (const double value : gradient) square += value * value;
        const double size = 0.3 / (1 + 0.02 * step) / std::sqrt(square);
        for (std::size_t g = 0; g < vocab; ++g) x[g] -= size * gradient[g];
        feasible(level);
    }
    return best;
}

// Before its Newton finish the solver left these at gaps of 1e-6 to 1e-4 after hundreds of iterations.
TEST(LimitNewton, CertifiesRingsBandsAndChains) {
    const auto backend = make_cpu_backend();
    for (const Dataset& data : {shifted(60, {0, 1, 2}, true), shifted(60, {0, 1, 2, 3, 4}, true),
                                shifted(60, {0, 1, 3}, true), shifted(60, {0, 1}, false),
                                shifted(60, {0, 1, 2}, false), shifted(50, {0, 1, 2, 3, 4, 5}, false)}) {
        LimitSolver solver(*backend, data, 1e-6);
        finish(solver);
        EXPECT_TRUE(solver.finished());
        EXPECT_LE(solver.iterations(), 150);
        EXPECT_LE(*solver.best()->relative_gap, 1e-6);
        const SingularFactors factors = solver.factors();
        const reference::Dense limit = reference::product(factors.words, factors.contexts, data.vocab_size,
                                                          data.contexts(), factors.rank());
        EXPECT_LT(reference::infeasibility(data, limit), 1e-10);
        const double norm = reference::nuclear_norm(limit, data.contexts(), data.vocab_size);
        EXPECT_NEAR(norm, solver.best()->nuclear_norm, 1e-8 * norm);
    }
}

TEST(LimitNewton, AgreesWithTheRingsFourierTransform) {
    const auto backend = make_cpu_backend();
    for (const std::int32_t width : {2, 3}) {
        std::vector<std::int32_t> gaps;
        for (std::int32_t g = 0; g < width; ++g) gaps.push_back(g);
        LimitSolver solver(*backend, shifted(24, gaps, true), 1e-8);
        finish(solver);
        EXPECT_TRUE(solver.finished());
        const double optimum = ring_optimum(24, static_cast<std::size_t>(width));
        EXPECT_LE(*solver.best()->bound, optimum * (1 + 1e-12));
        EXPECT_NEAR(solver.best()->nuclear_norm / optimum, 1, 1e-3);
    }
}

TEST(LimitNewton, TakesNoMoreMemoryThanItSaid) {
    MeteringBackend backend;
    const Dataset data = shifted(40, {0, 1, 2}, true);
    LimitSolver solver(backend, data, 1e-9);
    finish(solver);
    EXPECT_TRUE(solver.state().newton.has_value());
    EXPECT_LE(backend.peak, LimitSolver::bytes(40, 40) + labels_bytes(data) + 40 * 8);
}

// Newton's method from the tenth iteration on finds what splitting alone finds: with many more support
// classes than words, with fewer, and with about as many.
TEST(LimitNewton, FindsWhatSplittingFinds) {
    const auto backend = make_cpu_backend();
    for (const Dataset& data : {random_dataset(6, 40, 40, 1, 3, 3), random_dataset(33, 6, 6, 2, 5, 4),
                                random_dataset(11, 13, 13, 1, 4, 5)}) {
        LimitSolver alone(*backend, data, 1e-9, 0), newton(*backend, data, 1e-9);
        finish(alone);
        EXPECT_TRUE(alone.finished());
        for (int k = 0; k < 10; ++k) newton.advance();
        LimitSolver::State state = newton.state();
        state.newton = SmoothedNewton::State{.rho = state.rho, .nu = 1e-3};
        newton.restore(state);
        finish(newton);
        EXPECT_TRUE(newton.finished());
        EXPECT_LE(*newton.best()->bound, alone.best()->nuclear_norm);
        EXPECT_LE(*alone.best()->bound, newton.best()->nuclear_norm);
    }
}

// A norm and a bound that were once certified stay so.
TEST(LimitNewton, KeepsTheBestNormAndTheBestBoundApart) {
    const auto backend = make_cpu_backend();
    const Dataset data = shifted(40, {0, 1, 2}, true);
    LimitSolver solver(*backend, data, 1e-7);
    double norm = 1e300, bound = 0;
    bool apart = false;
    while (!solver.ended()) {
        solver.advance(true);
        norm = std::min(norm, solver.newest()->nuclear_norm);
        bound = std::max(bound, *solver.newest()->bound);
        EXPECT_EQ(solver.best()->nuclear_norm, norm);
        EXPECT_EQ(*solver.best()->bound, bound);
        EXPECT_EQ(*solver.best()->relative_gap, (norm - bound) / norm);
        apart = apart || (solver.newest()->nuclear_norm > norm && *solver.newest()->bound == bound);
    }
    EXPECT_TRUE(apart);  // or this has tried nothing
    EXPECT_EQ(solver.best()->iterations, solver.iterations());
}

TEST(LimitNewton, GoesOnFromASavedState) {
    const auto backend = make_cpu_backend();
    const Dataset data = shifted(40, {0, 1, 2}, true);
    for (const bool in_newton : {false, true}) {
        LimitSolver first(*backend, data, 1e-7);
        while (first.iterations() < 15 || (in_newton && !first.state().newton)) first.advance();
        if (in_newton)
            for (int k = 0; k < 6; ++k) first.advance();
        const LimitSolver::State state = first.state();
        EXPECT_FALSE(first.finished());
        EXPECT_EQ(state.newton.has_value(), in_newton);
        LimitSolver second(*backend, data, 1e-7);
        second.restore(state);
        EXPECT_EQ(second.best()->nuclear_norm, first.best()->nuclear_norm);
        EXPECT_EQ(*second.best()->bound, *first.best()->bound);
        finish(second);
        EXPECT_TRUE(second.finished());
        EXPECT_GT(second.iterations(), state.iterations);
        finish(first);
        EXPECT_NEAR(second.best()->nuclear_norm / first.best()->nuclear_norm, 1, 2e-7);
        LimitSolver::State wrong = state;
        wrong.y = {1, 2, 3};
        EXPECT_THROW(second.restore(wrong), InputError);
        wrong = state;
        wrong.best_point.pop_back();
        EXPECT_THROW(second.restore(wrong), InputError);
    }
}

// The best point is saved: its factors are those that the first solver would have given.
TEST(LimitNewton, ASavedStateHasItsResult) {
    const auto backend = make_cpu_backend();
    const Dataset data = shifted(30, {0, 1, 2}, true);
    LimitSolver first(*backend, data, 1e-9);
    for (int k = 0; k < 28; ++k) first.advance();
    LimitSolver second(*backend, data, 1e-9);
    second.restore(first.state());
    const SingularFactors here = first.factors(), there = second.factors();
    EXPECT_EQ(here.sigma, there.sigma);
    EXPECT_EQ(first.best()->nuclear_norm, second.best()->nuclear_norm);
}

// Where Newton's method may not be used, splitting with a balanced penalty gets there too, later.
TEST(LimitNewton, SplittingAloneIsBalanced) {
    const auto backend = make_cpu_backend();
    const Dataset data = shifted(40, {0, 1, 2, 3}, false);
    LimitSolver alone(*backend, data, 1e-6, 0), both(*backend, data, 1e-6);
    const double rho = alone.state().rho;
    finish(alone);
    finish(both);
    EXPECT_TRUE(alone.finished());
    EXPECT_FALSE(alone.state().newton.has_value());
    EXPECT_NE(alone.state().rho, rho);
    EXPECT_NEAR(alone.best()->nuclear_norm / both.best()->nuclear_norm, 1, 1e-6);
}

// A run stops after so many iterations, which is no rest: what goes on from there finishes.
TEST(LimitNewton, StopsAfterItsIterationsAndGoesOn) {
    const auto backend = make_cpu_backend();
    const Dataset data = shifted(40, {0, 1, 2}, true);
    LimitSolver::State state;
    double gap = 1;
    for (int run = 0; run < 20; ++run) {
        LimitSolver solver(*backend, data, 1e-7, 5);
        if (run > 0) solver.restore(state);
        finish(solver);
        EXPECT_LE(*solver.best()->relative_gap, gap);
        EXPECT_EQ(solver.best()->iterations, solver.iterations());
        EXPECT_FALSE(solver.at_rest());
        gap = *solver.best()->relative_gap;
        state = solver.state();
        if (!solver.finished()) continue;
        EXPECT_GT(run, 1);
        return;
    }
    FAIL() << "not finished at a gap of " << gap;
}

// At the least tolerance that may be asked for, fp64 has nothing left to lower.
TEST(LimitNewton, ComesToRestOnlyAtRounding) {
    const auto backend = make_cpu_backend();
    const Dataset data = shifted(60, {0, 1, 2}, true);
    const double norm = LimitSolver(*backend, data, 1e-6).proxy().nuclear_norm;
    LimitSolver solver(*backend, data, 1.01 * LimitSolver::least_tolerance(60, 60, norm), 1000);
    finish(solver);
    EXPECT_TRUE(solver.at_rest());
    EXPECT_FALSE(solver.finished());
    EXPECT_LT(*solver.best()->relative_gap, 1e-9);
    EXPECT_EQ(solver.best()->iterations, solver.iterations());
}

}  // namespace
}  // namespace ntpgeo
