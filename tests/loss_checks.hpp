// What a loss step keeps to on every backend and in whatever way it is made: checks by backend and plan.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/compare.hpp"
#include "tests/loss_fixture.hpp"

namespace ntpgeo {

/// Both sums, the gradient's norm and its worst entry within `tolerance` of the reference.
inline void expect_close(Backend& backend, const Problem& problem, const LossPlan& plan, double tolerance) {
    const StepResult expected = reference(problem),
                     actual = run_step(backend, problem.data, problem.words, problem.contexts, plan);
    EXPECT_NEAR(actual.sums.excess_loss, expected.sums.excess_loss, tolerance * expected.sums.excess_loss);
    EXPECT_NEAR(actual.sums.off_support_mass, expected.sums.off_support_mass,
                tolerance * expected.sums.off_support_mass);
    const GradientError error = gradient_error(actual, expected);
    EXPECT_LT(error.norm, tolerance);
    EXPECT_LT(error.worst, tolerance);
}

inline void expect_same_bits(const StepResult& actual, const StepResult& expected) {
    EXPECT_TRUE(same_bits(actual.words_gradient, expected.words_gradient, "words' gradient"));
    EXPECT_TRUE(same_bits(actual.contexts_gradient, expected.contexts_gradient, "contexts' gradient"));
    EXPECT_EQ(actual.sums.excess_loss, expected.sums.excess_loss);
    EXPECT_EQ(actual.sums.off_support_mass, expected.sums.off_support_mass);
}

inline void expect_same_bits_twice(Backend& backend, const LossPlan& plan) {
    const Problem problem = random_problem(300, 40, plan.dim, 1, 5);
    const auto step = [&] {
        return run_step(backend, problem.data, problem.words, problem.contexts, plan, 0.1);
    };
    expect_same_bits(step(), step());
}

/// A ridge term leaves the sums as they are to the bit and adds λW and λH to the gradients.
inline void expect_ridge_in_the_gradient_alone(Backend& backend, const LossPlan& plan) {
    const Problem problem = random_problem(20, 30, plan.dim, 1, 6);
    const auto step = [&](double lambda) {
        return run_step(backend, problem.data, problem.words, problem.contexts, plan, lambda);
    };
    const StepResult without = step(0), ridge = step(0.25);
    EXPECT_EQ(ridge.sums.excess_loss, without.sums.excess_loss);
    for (std::size_t i = 0; i < problem.words.size(); ++i)
        EXPECT_NEAR(ridge.words_gradient[i], without.words_gradient[i] + 0.25 * problem.words[i], 1e-15);
    for (std::size_t i = 0; i < problem.contexts.size(); ++i)
        EXPECT_NEAR(ridge.contexts_gradient[i], without.contexts_gradient[i] + 0.25 * problem.contexts[i],
                    1e-15);
}

/// Each gradient asked for alone has the bits it has beside the other, and the other's place is left alone. A
/// GPU replays a recording from the third run on.
inline void expect_either_gradient_alone(Backend& backend, const Problem& problem, const LossPlan& plan) {
    const auto run = [&](bool words, bool contexts) {
        return run_step(backend, problem.data, problem.words, problem.contexts, plan, 0.25,
                        {words, contexts, 3});
    };
    const auto untouched = [](const std::vector<double>& values) {
        return std::all_of(values.begin(), values.end(), [](double x) { return std::isnan(x); });
    };
    const StepResult both = run(true, true), words = run(true, false), contexts = run(false, true);
    EXPECT_EQ(words.words_gradient, both.words_gradient);
    EXPECT_TRUE(untouched(words.contexts_gradient));
    EXPECT_EQ(contexts.contexts_gradient, both.contexts_gradient);
    EXPECT_TRUE(untouched(contexts.words_gradient));
    for (const StepResult& step : {words, contexts, run(false, false)})
        EXPECT_EQ(step.sums.excess_loss, both.sums.excess_loss);
}

/// A step that is kept gives what a new one does, whatever it was called with before. On a GPU the first call
/// runs as it is, the second records, the rest replay the recording.
inline void expect_calls_as_of_a_new_step(Backend& backend, const LossPlan& plan) {
    Problem problem = random_problem(40, 50, plan.dim, 1, 7);
    KeptStep kept(backend, problem, plan);
    for (int call = 0; call < 5; ++call) {
        SCOPED_TRACE(testing::Message() << "call " << call);
        problem.words = random_values(40 * plan.dim, 1, 100 + call);
        problem.contexts = random_values(50 * plan.dim, 1, 200 + call);
        const double lambda = 0.1 * call;
        const StepResult fresh =
            run_step(backend, problem.data, problem.words, problem.contexts, plan, lambda);
        expect_same_bits(kept.run(problem, lambda), fresh);
        EXPECT_EQ(kept.loss_alone().excess_loss, fresh.sums.excess_loss);
    }
}

/// Logits log p on the supports and `off` elsewhere.
inline Problem with_labels_as_logits(const Dataset& data, double off) {
    std::vector<std::vector<double>> columns(
        static_cast<std::size_t>(data.contexts()),
        std::vector<double>(static_cast<std::size_t>(data.vocab_size), off));
    for (std::int64_t j = 0; j < data.contexts(); ++j)
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
            columns[static_cast<std::size_t>(j)][static_cast<std::size_t>(data.indices[i])] =
                std::log(data.probs[i]);
    return with_logits(data, columns);
}

/// With W = I, dH is the transposed gradient of CE, whose columns sum to 0 within `tolerance` of their size,
/// at a large loss and at a small one: the support takes what the rounded rest leaves. The plan is one of 30
/// dimensions.
inline void expect_columns_sum_to_zero(Backend& backend, const LossPlan& plan, double tolerance) {
    for (const double off : {0.0, -25.0}) {
        const Problem problem = with_labels_as_logits(random_dataset(30, 20, 9, 1, 6, 3), off);
        const StepResult step = run_step(backend, problem.data, problem.words, problem.contexts, plan);
        for (std::int64_t j = 0; j < 20; ++j) {
            double sum = 0, size = 0;
            for (std::int64_t v = 0; v < 30; ++v) {
                sum += step.contexts_gradient[j * 30 + v];
                size += std::abs(step.contexts_gradient[j * 30 + v]);
            }
            EXPECT_LT(std::abs(sum), tolerance * size) << j << " off " << off;
        }
    }
}

/// Context 0 puts 80 nats on a word off its support (2^40 is 28), context 1 puts 1,500, more than an
/// exponential holds, context 2 is ordinary, and the words of context 3 tower over an exponential of 0: exp(0
/// − a) overflows there.
inline Problem with_towering_logits() {
    const Dataset data =
        make_dataset(4, {{0, 1}, {1}, {2, 3}, {0, 3}}, {{0.25, 0.75}, {1.0}, {0.5, 0.5}, {0.5, 0.5}});
    return with_logits(data, {{0, 1, 80, 0}, {1500, 0, 3, 0}, {0, 0, 2, 1}, {-95, -96, -97, -94}});
}

inline void expect_no_mass_outside_full_supports(Backend& backend, const LossPlan& plan, double tolerance) {
    const Problem problem = with_logits(make_dataset(3, {{0, 1, 2}}, {{0.2, 0.3, 0.5}}), {{1, -2, 0.5}});
    EXPECT_EQ(run_step(backend, problem.data, problem.words, problem.contexts, plan).sums.off_support_mass,
              0);
    expect_close(backend, problem, plan, tolerance);
}

/// Also where the bad word is in no support, so that only the streaming pass sees it. The plan is one of 4
/// dimensions.
inline void expect_non_finite_parameters_in_the_loss(Backend& backend, const LossPlan& plan) {
    const Dataset data = make_dataset(4, {{0, 1}, {1}}, {{0.5, 0.5}, {1.0}});
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        Problem problem = with_logits(data, {{0, 1, 0, 0}, {1, 0, 0, 2}});
        problem.words[3 * 4 + 3] = bad;
        EXPECT_FALSE(std::isfinite(
            run_step(backend, problem.data, problem.words, problem.contexts, plan).sums.excess_loss))
            << bad;
    }
}

/// All that a metrics record reads off a pass: raw support logits [nnz], then mean logits, largest logit off
/// the support and squared centred logits off it [m].
inline std::vector<double> detail_of(Backend& backend, const Problem& problem, const LossPlan& plan) {
    const std::int64_t entries = problem.data.nnz(), contexts = problem.data.contexts();
    const Guarded memory = Guarded::poisoned(backend, Real::fp64, entries + 3 * contexts);
    auto* const out = memory.vector().as<double>();
    KeptStep(backend, problem, plan)
        .run(problem, 0, {out, out + entries, out + entries + contexts, out + entries + 2 * contexts});
    return memory.read();
}

/// The same by its definitions.
inline std::vector<double> reference_detail(const Problem& problem) {
    const Dataset& data = problem.data;
    const auto vocab = static_cast<std::size_t>(data.vocab_size);
    const auto contexts = static_cast<std::size_t>(data.contexts());
    const auto dim = static_cast<std::size_t>(problem.dim);
    const oracle::Dense logits = oracle::logits(oracle::dense(problem.words, vocab, dim),
                                                oracle::dense(problem.contexts, contexts, dim)),
                        centred = oracle::centred(logits), labels = oracle::label_matrix(data);
    std::vector<double> support, means, largest, squares;
    for (std::size_t j = 0; j < contexts; ++j) {
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
            support.push_back(static_cast<double>(logits[static_cast<std::size_t>(data.indices[i])][j]));
        means.push_back(static_cast<double>(logits[0][j] - centred[0][j]));
        oracle::Real most = -INFINITY, square = 0;
        for (std::size_t v = 0; v < vocab; ++v) {
            if (labels[v][j] > 0) continue;
            most = std::max(most, logits[v][j]);
            square += centred[v][j] * centred[v][j];
        }
        largest.push_back(static_cast<double>(most));
        squares.push_back(static_cast<double>(square));
    }
    return joined(support, joined(means, joined(largest, squares)));
}

inline void expect_near(const std::vector<double>& actual, const std::vector<double>& expected,
                        double tolerance) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(actual[i], expected[i], tolerance * std::max(1.0, std::abs(expected[i]))) << i;
}

}  // namespace ntpgeo
