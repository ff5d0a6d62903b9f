// One loss step on host vectors, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/backend.hpp"
#include "tests/oracle.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

struct StepResult {
    LossSums sums;
    std::vector<double> words_gradient, contexts_gradient;
};

/// Which gradients a step is asked for, and how often it runs.
struct StepWish {
    bool words = true, contexts = true;
    int times = 1;
};

/// Runs one step with W and H rounded to the plan's master precision; gradients come back as doubles. Outputs
/// start poisoned, so that an entry that is not written shows as NaN.
inline StepResult run_step(Backend& backend, const Dataset& data, const std::vector<double>& words,
                           const std::vector<double>& contexts, const LossPlan& plan, double lambda = 0,
                           const StepWish& wish = {}) {
    const Labels labels(backend, data);
    const auto step = backend.make_loss_step(labels.view(), plan);
    const auto size = static_cast<std::int64_t>(words.size() + contexts.size());
    const Array x(backend, size * 8), gradient(backend, size * 8);
    const auto words_size = static_cast<std::int64_t>(words.size());
    const auto place = [&](const Array& array, bool second) {
        return array.matrix(plan.master, second ? data.contexts() : data.vocab_size, plan.dim,
                            second ? words_size : 0);
    };
    with_real(plan.master, [&]<class T>(T) {
        std::vector<T> values(words.begin(), words.end());
        values.insert(values.end(), contexts.begin(), contexts.end());
        backend.upload(values.data(), x.data(), size * static_cast<std::int64_t>(sizeof(T)));
        const std::vector<T> poison(static_cast<std::size_t>(size), std::numeric_limits<T>::quiet_NaN());
        backend.upload(poison.data(), gradient.data(), size * static_cast<std::int64_t>(sizeof(T)));
    });
    StepResult result;
    for (int time = 0; time < wish.times; ++time)
        result.sums =
            step->run(place(x, false), place(x, true), lambda, wish.words ? place(gradient, false) : Matrix{},
                      wish.contexts ? place(gradient, true) : Matrix{});
    with_real(plan.master, [&]<class T>(T) {
        const auto values = download_array<T>(backend, gradient.data(), size);
        result.words_gradient.assign(values.begin(), values.begin() + words_size);
        result.contexts_gradient.assign(values.begin() + words_size, values.end());
    });
    return result;
}
inline StepResult run_step(const Dataset& data, const std::vector<double>& words,
                           const std::vector<double>& contexts, const LossPlan& plan, double lambda = 0) {
    return run_step(*make_cpu_backend(), data, words, contexts, plan, lambda);
}

/// ‖a − b‖ / ‖b‖ over both gradients, and the worst entry against the largest of b.
struct GradientError {
    double norm = 0, worst = 0;
};
inline GradientError gradient_error(const StepResult& a, const StepResult& b) {
    double square = 0, reference = 0, worst = 0, largest = 0;
    const auto add = [&](const std::vector<double>& x, const std::vector<double>& y) {
        for (std::size_t i = 0; i < y.size(); ++i) {
            square += (x[i] - y[i]) * (x[i] - y[i]);
            reference += y[i] * y[i];
            worst = std::max(worst, std::abs(x[i] - y[i]));
            largest = std::max(largest, std::abs(y[i]));
        }
    };
    add(a.words_gradient, b.words_gradient);
    add(a.contexts_gradient, b.contexts_gradient);
    return {std::sqrt(square / reference), worst / largest};
}

/// A data set with factors.
struct Problem {
    Dataset data;
    std::int64_t dim;
    std::vector<double> words, contexts;
};

inline Problem random_problem(std::int64_t vocab, std::int64_t contexts, std::int64_t dim, double scale,
                              std::uint64_t seed) {
    Dataset data = random_dataset(vocab, contexts, std::min<std::int64_t>(contexts, 7), 1,
                                  std::min<std::int64_t>(vocab, 5), seed);
    return {data, dim, random_values(vocab * dim, scale, seed + 1),
            random_values(contexts * dim, scale, seed + 2)};
}

/// W = I, so that H is the transposed logits and any logits can be set.
inline Problem with_logits(Dataset data, const std::vector<std::vector<double>>& columns) {
    const std::int64_t vocab = data.vocab_size;
    std::vector<double> words(static_cast<std::size_t>(vocab * vocab), 0.0), contexts;
    for (std::int64_t v = 0; v < vocab; ++v) words[v * vocab + v] = 1;
    for (const auto& column : columns) contexts.insert(contexts.end(), column.begin(), column.end());
    return {std::move(data), vocab, words, contexts};
}

/// The naive reference's step.
inline StepResult reference(const Problem& problem) {
    const auto flat = [](const oracle::Dense& matrix) {
        std::vector<double> values;
        for (const auto& row : matrix)
            for (const oracle::Real x : row) values.push_back(static_cast<double>(x));
        return values;
    };
    const auto w = oracle::dense(problem.words, static_cast<std::size_t>(problem.data.vocab_size),
                                 static_cast<std::size_t>(problem.dim));
    const auto h = oracle::dense(problem.contexts, static_cast<std::size_t>(problem.data.contexts()),
                                 static_cast<std::size_t>(problem.dim));
    const oracle::Loss loss = oracle::loss(problem.data, w, h);
    return {{static_cast<double>(loss.excess), static_cast<double>(loss.off_support_mass)},
            flat(loss.words_gradient),
            flat(loss.contexts_gradient)};
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

}  // namespace ntpgeo
