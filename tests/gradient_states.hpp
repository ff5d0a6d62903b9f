// States along training runs at which gradients are held against each other (design 1.2): from a large excess
// down to 1e-9, and the two regimes where the total gradient vanishes by cancellation.
#pragma once

#include <cmath>
#include <vector>

#include "engine/training/trainer.hpp"
#include "tests/loss_fixture.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

/// W and H of a trainer, on the host.
struct Factors {
    std::vector<double> words, contexts;
};

inline Factors factors_of(Backend& backend, const Trainer& trainer) {
    const Matrix w = trainer.words(), h = trainer.contexts();
    return {download_array<double>(backend, w.data, w.rows * w.columns),
            download_array<double>(backend, h.data, h.rows * h.columns)};
}

/// ‖w‖‖h‖ of a word and a context of root-mean-square length: what a logit's rounding grows with.
inline double usual_product(const Factors& factors, std::int64_t dim) {
    const auto square = [dim](const std::vector<double>& rows) {
        double sum = 0;
        for (const double x : rows) sum += x * x;
        return sum * static_cast<double>(dim) / static_cast<double>(rows.size());
    };
    return std::sqrt(square(factors.words) * square(factors.contexts));
}

/// W and H as an fp32 master holds them.
inline Factors in_fp32(Factors factors) {
    for (double& x : factors.words) x = static_cast<float>(x);
    for (double& x : factors.contexts) x = static_cast<float>(x);
    return factors;
}

/// What one writes without anchoring: logits, softmax and labels in fp32, their difference times the factors.
inline StepResult usual_fp32(const Dataset& data, const Factors& factors, std::int64_t dim) {
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

inline double norm(const std::vector<double>& a, const std::vector<double>& b) {
    double square = 0;
    for (const double x : a) square += x * x;
    for (const double x : b) square += x * x;
    return std::sqrt(square);
}

inline TrainingSettings lbfgs_settings(std::int64_t dim, double lambda, std::int64_t steps = 100000,
                                       std::int64_t history = 20) {
    TrainingSettings settings;
    settings.dim = dim;
    settings.stages[0] = {.steps = steps,
                          .optimizer = OptimizerKind::lbfgs,
                          .learning_rate = 1,
                          .lambda_start = lambda,
                          .lambda_end = lambda,
                          .history = history};
    return settings;
}

/// Trains by L-BFGS in fp64 and calls visit(data, factors, exact step) at the first state (of every fifth)
/// below each power of ten of the excess, from 1e-1 to 1e-9. Returns how many there were; 0 where the run did
/// not get there.
template <class Visit>
int visit_interpolating_run(std::int64_t dim, const Visit& visit) {
    const Dataset data = random_dataset(60, 150, 30, 2, 6, 9);
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    Trainer trainer(*backend, labels, lbfgs_settings(dim, 0));
    double mark = 0.1, excess = 1;
    int marks = 0;
    while (excess > 1e-9) {
        if (trainer.finished()) return 0;
        trainer.advance();
        if (trainer.step() % 5 != 0) continue;
        const Factors factors = factors_of(*backend, trainer);
        const StepResult exact = run_step(data, factors.words, factors.contexts, {dim});
        excess = exact.sums.excess_loss;
        if (excess > mark) continue;
        while (excess <= mark) mark /= 10;
        ++marks;
        visit(data, factors, exact);
    }
    return marks;
}

/// A state that L-BFGS in fp64 reaches in `steps` updates.
struct StationaryState {
    Dataset data;
    Factors factors;
    StepResult exact, loss_alone;  ///< the whole gradient, and without the ridge term
    double gradient = 0;           ///< ‖whole gradient‖
    double loss_gradient = 0;      ///< ‖(GHᵀ, WᵀG)‖
};
inline StationaryState stationary_state(std::int64_t dim, double lambda, std::int64_t steps) {
    StationaryState state{random_dataset(40, 90, 20, 2, 6, 10), {}, {}, {}};
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, state.data);
    Trainer trainer(*backend, labels, lbfgs_settings(dim, lambda));
    while (trainer.step() < steps && !trainer.finished()) trainer.advance();
    state.factors = factors_of(*backend, trainer);
    state.exact = run_step(state.data, state.factors.words, state.factors.contexts, {dim}, lambda);
    state.loss_alone = run_step(state.data, state.factors.words, state.factors.contexts, {dim});
    state.gradient = norm(state.exact.words_gradient, state.exact.contexts_gradient);
    state.loss_gradient = norm(state.loss_alone.words_gradient, state.loss_alone.contexts_gradient);
    return state;
}

/// Σ_j of the norm of context j's own gradient: what the total is a cancelling sum of.
inline double cancelling_terms(const StationaryState& state, std::int64_t dim) {
    double terms = 0;
    for (std::int64_t j = 0; j < state.data.contexts(); ++j) {
        Dataset one = state.data;  // the same problem with all weight on context j
        for (std::int64_t k = 0; k < one.contexts(); ++k)
            if (k != j) one.context_probs[k] = 0;
        const StepResult single = run_step(one, state.factors.words, state.factors.contexts, {dim});
        terms += norm(single.words_gradient, single.contexts_gradient);
    }
    return terms;
}

}  // namespace ntpgeo
