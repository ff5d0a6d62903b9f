// The exact solvers on rows that ranks share: the same bits on any number of ranks, and the certificates that
// one process without shards has.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/exact/limit.hpp"
#include "engine/exact/path.hpp"
#include "tests/metering_backend.hpp"
#include "tests/problems.hpp"
#include "tests/thread_team.hpp"

namespace ntpgeo {
namespace {

/// Numbers of the first rank, once all have ended; that the others have the `common` ones, too.
struct Found {
    std::vector<double> first;
    std::vector<std::vector<double>> common;
};

std::string digits(const std::vector<double>& numbers) {
    std::string all;
    for (const double number : numbers) all += fmt::format(" {:.17g}", number);
    return all;
}

template <class Work>
Found on_ranks(int ranks, const Work& work) {
    Found found{{}, std::vector<std::vector<double>>(static_cast<std::size_t>(ranks))};
    ThreadJob::run(ranks, [&](Team& team) {
        std::vector<double> all;
        found.common[static_cast<std::size_t>(team.rank())] = work(team, all);
        if (team.is_first()) found.first = std::move(all);
    });
    for (const std::vector<double>& common : found.common) EXPECT_EQ(digits(common), digits(found.common[0]));
    return found;
}

void append(std::vector<double>& all, const std::vector<double>& some) {
    all.insert(all.end(), some.begin(), some.end());
}

/// A limit to `tolerance`: what every rank knows; into `all` the factors and the state.
std::vector<double> solve_limit(Team& team, const Dataset& data, std::int64_t shards, double tolerance,
                                ThresholdBy by, std::int64_t newton, std::vector<double>& all) {
    const auto backend = make_cpu_backend();
    const TeamSums sums(team, shards);
    LimitSolver solver(*backend, data, tolerance, newton, by, &sums);
    while (!solver.ended()) solver.advance();
    EXPECT_TRUE(solver.finished());
    const LimitSolver::State state = solver.state();
    append(all, state.y);
    append(all, state.best_point);
    const SingularFactors factors = solver.factors();
    append(all, factors.words);
    append(all, factors.contexts);
    EXPECT_EQ(factors.words.empty(), !team.is_first());
    const LimitCertificate& best = *solver.best();
    return {best.nuclear_norm,
            *best.bound,
            static_cast<double>(best.rank),
            static_cast<double>(best.iterations),
            *best.proxy_alignment,
            solver.proxy().nuclear_norm,
            *solver.proxy().sign_violations};
}

struct Shape {
    std::int64_t vocab, contexts;
};

// The shorter side is the words', the contexts', and far the contexts'.
const std::vector<Shape> shapes = {{12, 40}, {40, 14}, {90, 12}};

Dataset data_of(const Shape& shape) {
    return random_dataset(shape.vocab, shape.contexts, shape.contexts, 1, 4, 5);
}

TEST(SharedSolverRows, LimitHasTheSameBitsOnAnyNumberOfRanks) {
    for (const Shape& shape : shapes) {
        const Dataset data = data_of(shape);
        for (const std::int64_t shards : {3, 7}) {
            std::vector<Found> found;
            for (const int ranks : {1, 2, 3})
                found.push_back(on_ranks(ranks, [&](Team& team, std::vector<double>& all) {
                    return solve_limit(team, data, shards, 1e-8, ThresholdBy::prediction,
                                       LimitSolver::most_newton_iterations, all);
                }));
            const std::string words = std::to_string(shape.vocab) + " words, " + std::to_string(shards);
            ASSERT_FALSE(found[0].first.empty());
            for (const Found& other : found) {
                EXPECT_EQ(digits(other.common[0]), digits(found[0].common[0])) << words;
                EXPECT_TRUE(other.first == found[0].first) << words;
            }
            // And what one process finds is as good: each norm is within the other's certificate.
            const auto backend = make_cpu_backend();
            LimitSolver alone(*backend, data, 1e-8);
            while (!alone.ended()) alone.advance();
            EXPECT_GE(found[0].common[0][0], *alone.best()->bound) << words;
            EXPECT_LE(found[0].common[0][1], alone.best()->nuclear_norm) << words;
            EXPECT_NEAR(found[0].common[0][5], alone.proxy().nuclear_norm,
                        1e-12 * alone.proxy().nuclear_norm);
        }
    }
}

TEST(SharedSolverRows, LimitBySplittingAloneAndByProducts) {
    for (const Shape& shape : shapes) {
        const Dataset data = data_of(shape);
        for (const ThresholdBy by : {ThresholdBy::decomposition, ThresholdBy::products}) {
            std::vector<Found> found;
            for (const int ranks : {1, 2})
                found.push_back(on_ranks(ranks, [&](Team& team, std::vector<double>& all) {
                    return solve_limit(team, data, 4, 1e-6, by, 0, all);
                }));
            EXPECT_EQ(digits(found[1].common[0]), digits(found[0].common[0])) << shape.vocab;
            EXPECT_TRUE(found[1].first == found[0].first) << shape.vocab;
        }
    }
}

TEST(SharedSolverRows, PathHasTheSameBitsOnAnyNumberOfRanks) {
    for (const Shape& shape : shapes) {
        const Dataset data = data_of(shape);
        const std::vector<double> lambdas = {3e-2, 1e-3};
        std::vector<Found> found;
        for (const int ranks : {1, 2, 3})
            found.push_back(on_ranks(ranks, [&](Team& team, std::vector<double>& all) {
                const auto backend = make_cpu_backend();
                const TeamSums sums(team, 5);
                PathSolver solver(*backend, data, lambdas, 1e-8, ThresholdBy::prediction, &sums);
                std::vector<double> common;
                while (!solver.finished()) {
                    if (!solver.advance()) continue;
                    const PathCertificate& last = *solver.last();
                    append(common, {last.lambda, last.objective_excess, last.bound_excess, last.relative_gap,
                                    last.rounding, last.nuclear_norm, static_cast<double>(last.rank),
                                    static_cast<double>(last.iterations)});
                    const SingularFactors factors = solver.factors();
                    append(all, factors.words);
                    append(all, factors.contexts);
                    append(all, solver.bound_logits());
                    append(all, solver.state().current);
                    solver.next_point();
                }
                return common;
            }));
        ASSERT_EQ(found[0].common[0].size(), 16U);
        for (const Found& other : found) {
            EXPECT_EQ(digits(other.common[0]), digits(found[0].common[0])) << shape.vocab;
            EXPECT_TRUE(other.first == found[0].first) << shape.vocab;
        }
        const auto backend = make_cpu_backend();
        PathSolver alone(*backend, data, lambdas, 1e-8);
        for (std::size_t k = 0; k < lambdas.size(); ++k, alone.next_point()) {
            while (!alone.advance()) {
            }
            const std::vector<double>& common = found[0].common[0];
            EXPECT_GE(common[8 * k + 1], alone.last()->bound_excess) << shape.vocab;
            EXPECT_LE(common[8 * k + 2], alone.last()->objective_excess) << shape.vocab;
            EXPECT_LE(common[8 * k + 3], 1e-8);
        }
    }
}

// A state of three ranks goes on with two, to the bits that one has from the same state.
TEST(SharedSolverRows, StatesGoOnOnAnyNumberOfRanks) {
    const Dataset data = data_of(shapes[0]);
    LimitSolver::State saved;
    on_ranks(3, [&](Team& team, std::vector<double>&) {
        const auto backend = make_cpu_backend();
        const TeamSums sums(team, 6);
        LimitSolver solver(*backend, data, 1e-9, 80, ThresholdBy::prediction, &sums);
        for (int k = 0; k < 24; ++k) solver.advance();
        const LimitSolver::State state = solver.state();
        if (team.is_first()) saved = state;
        return std::vector<double>{};
    });
    ASSERT_EQ(saved.iterations, 24);
    std::vector<Found> found;
    for (const int ranks : {1, 2})
        found.push_back(on_ranks(ranks, [&](Team& team, std::vector<double>& all) {
            const auto backend = make_cpu_backend();
            const TeamSums sums(team, 6);
            LimitSolver solver(*backend, data, 1e-9, 80, ThresholdBy::prediction, &sums);
            solver.restore(saved);
            while (!solver.ended()) solver.advance();
            all = solver.state().y;
            return std::vector<double>{solver.best()->nuclear_norm, *solver.best()->bound};
        }));
    EXPECT_EQ(digits(found[1].common[0]), digits(found[0].common[0]));
    EXPECT_TRUE(found[1].first == found[0].first);
}

TEST(SharedSolverRows, TakeNoMoreMemoryThanTheySaid) {
    for (const Shape& shape : shapes) {
        const Dataset data = data_of(shape);
        Alone alone;
        const TeamSums sums(alone, 5);
        MeteringBackend of_limit, of_path;
        LimitSolver limit(of_limit, data, 1e-9, 80, ThresholdBy::prediction, &sums);
        while (!limit.ended()) limit.advance();
        EXPECT_GT(limit.factors().rank(), 0);
        const std::int64_t rows = static_cast<std::int64_t>(limit.state().y.size()) / shape.vocab,
                           labels = labels_bytes(data) + shape.contexts * 8;
        EXPECT_LE(of_limit.peak, LimitSolver::bytes(rows, shape.vocab, 5) + labels);
        PathSolver path(of_path, data, {1e-2}, 1e-8, ThresholdBy::prediction, &sums);
        while (!path.advance()) {
        }
        EXPECT_GT(path.factors().rank(), 0);
        EXPECT_LE(of_path.peak, PathSolver::bytes(shape.contexts, shape.vocab, 5) + labels + 8);
    }
}

TEST(SharedSolverRows, RefuseMoreShardsThanRows) {
    const auto backend = make_cpu_backend();
    Alone alone;
    const TeamSums sums(alone, 13);
    const Dataset data = data_of(shapes[0]);
    EXPECT_THROW(LimitSolver(*backend, data, 1e-6, 80, ThresholdBy::prediction, &sums), InputError);
    EXPECT_THROW(PathSolver(*backend, data, {1e-2}, 1e-6, ThresholdBy::prediction, &sums), InputError);
}

}  // namespace
}  // namespace ntpgeo
