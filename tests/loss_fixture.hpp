// One loss step on host vectors, for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/backend.hpp"
#include "tests/compare.hpp"
#include "tests/guarded.hpp"
#include "tests/oracle.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

struct StepResult {
    LossSums sums;
    std::vector<double> words_gradient, contexts_gradient;

    /// Of both in one, the words' first.
    void take_gradients(const std::vector<double>& both, std::size_t words) {
        const auto border = both.begin() + static_cast<std::ptrdiff_t>(words);
        words_gradient.assign(both.begin(), border);
        contexts_gradient.assign(border, both.end());
    }
};

inline std::vector<double> joined(std::vector<double> first, const std::vector<double>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

/// Which gradients a step is asked for, and how often it runs.
struct StepWish {
    bool words = true, contexts = true;
    int times = 1;
};

/// Runs one step with W and H rounded to the plan's master precision, H right behind W as a trainer has them;
/// gradients come back as doubles. Outputs start poisoned, so that an entry that is not written shows as NaN.
inline StepResult run_step(Backend& backend, const Dataset& data, const std::vector<double>& words,
                           const std::vector<double>& contexts, const LossPlan& plan, double lambda = 0,
                           const StepWish& wish = {}) {
    const Labels labels(backend, data);
    const auto step = backend.make_loss_step(labels.view(), plan);
    const std::vector<double> stored = rounded(plan.master, joined(words, contexts));
    const Guarded x(backend, plan.master, stored);
    const Guarded gradient = Guarded::poisoned(backend, plan.master, x.vector().size);
    const auto words_of = [&](const Guarded& array) { return array.matrix(data.vocab_size, plan.dim); };
    const auto contexts_of = [&](const Guarded& array) {
        return array.matrix(data.contexts(), plan.dim, data.vocab_size * plan.dim);
    };
    StepResult result;
    for (int time = 0; time < wish.times; ++time)
        result.sums =
            step->run(words_of(x), contexts_of(x), lambda, wish.words ? words_of(gradient) : Matrix{},
                      wish.contexts ? contexts_of(gradient) : Matrix{});
    EXPECT_TRUE(same_bits(x.read(), stored, "parameters"));
    result.take_gradients(gradient.read(), words.size());
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

/// One step kept over several calls, with its memory: what a training run does.
class KeptStep {
  public:
    KeptStep(Backend& backend, const Problem& problem, const LossPlan& plan)
        : labels_(backend, problem.data),
          step_(backend.make_loss_step(labels_.view(), plan)),
          vocab_(problem.data.vocab_size),
          contexts_(problem.data.contexts()),
          dim_(plan.dim),
          parameters_(Guarded::poisoned(backend, Real::fp64, (vocab_ + contexts_) * dim_)),
          gradient_(Guarded::poisoned(backend, Real::fp64, (vocab_ + contexts_) * dim_)) {}

    StepResult run(const Problem& problem, double lambda, const LossDetail& detail = {}) {
        parameters_.write(joined(problem.words, problem.contexts));
        gradient_.poison();
        StepResult result;
        result.sums = step_->run(words(parameters_), contexts(parameters_), lambda, words(gradient_),
                                 contexts(gradient_), detail);
        result.take_gradients(gradient_.read(), problem.words.size());
        return result;
    }
    LossSums loss_alone() {
        return step_->run(words(parameters_), contexts(parameters_), 0, Matrix{}, Matrix{});
    }

  private:
    [[nodiscard]] Matrix words(const Guarded& array) const { return array.matrix(vocab_, dim_); }
    [[nodiscard]] Matrix contexts(const Guarded& array) const {
        return array.matrix(contexts_, dim_, vocab_ * dim_);
    }
    Labels labels_;
    std::unique_ptr<LossStep> step_;
    std::int64_t vocab_, contexts_, dim_;
    Guarded parameters_, gradient_;
};

}  // namespace ntpgeo
