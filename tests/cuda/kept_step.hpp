// One loss step kept over several calls.
#pragma once

#include <memory>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/backend.hpp"
#include "tests/loss_fixture.hpp"

namespace ntpgeo {

/// One step kept over several calls, with its memory: what a training run does.
class KeptStep {
  public:
    KeptStep(Backend& backend, const Problem& problem, const LossPlan& plan)
        : backend_(backend),
          labels_(backend, problem.data),
          step_(backend.make_loss_step(labels_.view(), plan)),
          vocab_(problem.data.vocab_size),
          contexts_(problem.data.contexts()),
          dim_(plan.dim),
          parameters_(backend, size() * 8),
          gradient_(backend, size() * 8) {}

    [[nodiscard]] std::int64_t size() const { return (vocab_ + contexts_) * dim_; }
    StepResult run(const Problem& problem, double lambda, const LossDetail& detail = {}) {
        std::vector<double> x = problem.words;
        x.insert(x.end(), problem.contexts.begin(), problem.contexts.end());
        backend_.upload(x.data(), parameters_.data(), size() * 8);
        StepResult result;
        result.sums = step_->run(words(parameters_), contexts(parameters_), lambda, words(gradient_),
                                 contexts(gradient_), detail);
        const auto values = download_array<double>(backend_, gradient_.data(), size());
        result.words_gradient.assign(values.begin(), values.begin() + vocab_ * dim_);
        result.contexts_gradient.assign(values.begin() + vocab_ * dim_, values.end());
        return result;
    }
    LossSums loss_alone() {
        return step_->run(words(parameters_), contexts(parameters_), 0, Matrix{}, Matrix{});
    }

  private:
    [[nodiscard]] Matrix words(const Array& array) const { return array.matrix(Real::fp64, vocab_, dim_); }
    [[nodiscard]] Matrix contexts(const Array& array) const {
        return array.matrix(Real::fp64, contexts_, dim_, vocab_ * dim_);
    }
    Backend& backend_;
    Labels labels_;
    std::unique_ptr<LossStep> step_;
    std::int64_t vocab_, contexts_, dim_;
    Array parameters_, gradient_;
};

}  // namespace ntpgeo
