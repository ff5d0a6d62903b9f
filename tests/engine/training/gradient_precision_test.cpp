// Design 1.2's claim: with fp32 products and an fp64 master the gradient keeps its digits along a whole run,
// where the usual softmax-minus-label loses them; and the two regimes that the claim leaves out.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "engine/training/trainer.hpp"
#include "tests/loss_fixture.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

/// W and H of a trainer, on the host.
struct Factors {
    std::vector<double> words, contexts;
};

Factors factors_of(Backend& backend, const Trainer& trainer) {
    const Matrix w = trainer.words(), h = trainer.contexts();
    return {download_array<double>(backend, w.data, w.rows * w.columns),
            download_array<double>(backend, h.data, h.rows * h.columns)};
}

/// What one writes without anchoring: logits, softmax and labels in fp32, their difference times the factors.
StepResult usual_fp32(const Dataset& data, const Factors& factors, std::int64_t dim) {
    const std::int64_t vocab = data.vocab_size;
    StepResult result;
    result.words_gradient.assign(factors.words.size(), 0);
    result.contexts_gradient.assign(factors.contexts.size(), 0);
    std::vector<float> g(static_cast<std::size_t>(vocab));
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        float maximum = -1e30F, total = 0;
        for (std::int64_t v = 0; v < vocab; ++v) {
            g[v] = 0;
            for (std::int64_t k = 0; k < dim; ++k)
                g[v] += static_cast<float>(factors.words[v * dim + k]) *
                        static_cast<float>(factors.contexts[j * dim + k]);
            maximum = std::max(maximum, g[v]);
        }
        for (float& x : g) total += (x = std::exp(x - maximum));
        for (float& x : g) x /= total;
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
            g[data.indices[i]] -= static_cast<float>(data.probs[i]);
        for (std::int64_t v = 0; v < vocab; ++v)
            for (std::int64_t k = 0; k < dim; ++k) {
                const double weighted = data.context_probs[j] * g[v];
                result.words_gradient[v * dim + k] += weighted * factors.contexts[j * dim + k];
                result.contexts_gradient[j * dim + k] += weighted * factors.words[v * dim + k];
            }
    }
    return result;
}

double norm(const std::vector<double>& a, const std::vector<double>& b) {
    double square = 0;
    for (const double x : a) square += x * x;
    for (const double x : b) square += x * x;
    return std::sqrt(square);
}

TrainingSettings lbfgs_settings(std::int64_t dim, double lambda) {
    TrainingSettings settings;
    settings.dim = dim;
    settings.stage = {.steps = 100000,
                      .optimizer = OptimizerKind::lbfgs,
                      .learning_rate = 1,
                      .lambda_start = lambda,
                      .lambda_end = lambda,
                      .history = 20};
    return settings;
}

TEST(GradientPrecision, Fp32ProductsKeepSixDigitsDownToAnExcessOf1e9) {
    const Dataset data = random_dataset(60, 150, 30, 2, 6, 9);
    const std::int64_t dim = 30;
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    Trainer trainer(*backend, labels, lbfgs_settings(dim, 0));
    double mark = 0.1, usual_error = 0, excess = 1;
    int marks = 0;
    while (excess > 1e-9 && !trainer.finished()) {
        trainer.advance();
        if (trainer.step() % 5 != 0) continue;
        const Factors factors = factors_of(*backend, trainer);
        const StepResult exact =
            run_step(data, factors.words, factors.contexts, {dim, Real::fp64, Precision::fp64});
        excess = exact.sums.excess_loss;
        if (excess > mark) continue;
        while (excess <= mark) mark /= 10;
        ++marks;
        const StepResult fp32 =
            run_step(data, factors.words, factors.contexts, {dim, Real::fp64, Precision::fp32});
        const double error = gradient_error(fp32, exact).norm;
        usual_error = gradient_error(usual_fp32(data, factors, dim), exact).norm;
        EXPECT_LT(error, 1e-6) << "at excess " << excess;
        EXPECT_NEAR(fp32.sums.excess_loss / excess, 1, 1e-6);
        std::printf("excess %.0e: anchored fp32 %.1e, usual fp32 %.1e\n", excess, error, usual_error);
    }
    EXPECT_LT(excess, 1e-9) << "the run did not interpolate";
    EXPECT_GE(marks, 7);
    EXPECT_GT(usual_error, 1e-2) << "the usual form should have lost its digits by now";
}

/// Runs to where little changes any more and returns the error of fp32 products there, with both gradients.
struct Endpoint {
    double error = 0;          ///< ‖gradient in fp32 products − gradient in fp64 products‖
    double gradient = 0;       ///< ‖whole gradient‖, ridge included
    double loss_gradient = 0;  ///< ‖(GHᵀ, WᵀG)‖
};
Endpoint endpoint(std::int64_t dim, double lambda, std::int64_t steps) {
    const Dataset data = random_dataset(40, 90, 20, 2, 6, 10);
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    Trainer trainer(*backend, labels, lbfgs_settings(dim, lambda));
    while (trainer.step() < steps && !trainer.finished()) trainer.advance();
    const Factors f = factors_of(*backend, trainer);
    const StepResult exact = run_step(data, f.words, f.contexts, {dim, Real::fp64, Precision::fp64}, lambda);
    const StepResult fp32 = run_step(data, f.words, f.contexts, {dim, Real::fp64, Precision::fp32}, lambda);
    const StepResult bare = run_step(data, f.words, f.contexts, {dim, Real::fp64, Precision::fp64}, 0);
    const double gradient = norm(exact.words_gradient, exact.contexts_gradient);
    return {gradient_error(fp32, exact).norm * gradient, gradient,
            norm(bare.words_gradient, bare.contexts_gradient)};
}

TEST(GradientPrecision, WithARidgeTheErrorIsAFractionOfTheLossGradient) {
    const Endpoint end = endpoint(20, 1e-3, 400);
    std::printf("lambda 1e-3: error %.1e, gradient %.1e, loss gradient %.1e\n", end.error, end.gradient,
                end.loss_gradient);
    ASSERT_LT(end.gradient, 1e-3 * end.loss_gradient) << "not near the stationary point";
    EXPECT_LT(end.error, 1e-6 * end.loss_gradient);
}

TEST(GradientPrecision, WithoutRoomToInterpolateTheErrorIsAFractionOfWhatCancels) {
    // At d = 3 the contexts' gradients do not vanish one by one: GHᵀ itself is a sum that cancels. Its terms
    // are as large as the gradient of a single pass over one context, Σ_j ‖g_j‖‖h_j‖ at most.
    const Dataset data = random_dataset(40, 90, 20, 2, 6, 10);
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    Trainer trainer(*backend, labels, lbfgs_settings(3, 0));
    while (trainer.step() < 400 && !trainer.finished()) trainer.advance();
    const Factors f = factors_of(*backend, trainer);
    const StepResult exact = run_step(data, f.words, f.contexts, {3, Real::fp64, Precision::fp64});
    const StepResult fp32 = run_step(data, f.words, f.contexts, {3, Real::fp64, Precision::fp32});
    double terms = 0;
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        Dataset one = data;  // the same problem with all weight on context j
        for (std::int64_t k = 0; k < data.contexts(); ++k)
            if (k != j) one.context_probs[k] = 0;
        const StepResult single = run_step(one, f.words, f.contexts, {3, Real::fp64, Precision::fp64});
        terms += norm(single.words_gradient, single.contexts_gradient);
    }
    const double gradient = norm(exact.words_gradient, exact.contexts_gradient);
    const double error = gradient_error(fp32, exact).norm * gradient;
    std::printf("d = 3: excess %.2e, error %.1e, gradient %.1e, its terms %.1e\n", exact.sums.excess_loss,
                error, gradient, terms);
    ASSERT_GT(exact.sums.excess_loss, 1e-3) << "d = 3 should not interpolate";
    EXPECT_LT(error, 1e-6 * terms);
}

}  // namespace
}  // namespace ntpgeo
