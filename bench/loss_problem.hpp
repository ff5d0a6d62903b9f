// One loss step ready to run, on random data: what the loss step, its peer and a metrics record are timed on.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/data/synthetic.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo::bench {

/// The sizes of a case. Supports have k/2 to 3k/2 words, so k is their mean size.
struct LossCase {
    std::int64_t vocab, contexts, dim, mean_support;
    Precision precision;

    [[nodiscard]] std::string name() const {
        return fmt::format("V:{}/m:{}/d:{}/k:{}/{}", vocab, contexts, dim, mean_support,
                           precision == Precision::fp32 ? "fp32" : "fp64");
    }
    /// Of the three products, which is the least a step can do.
    [[nodiscard]] double flops() const {
        return 6.0 * static_cast<double>(vocab) * static_cast<double>(contexts) * static_cast<double>(dim);
    }
    /// How often to run a case of this size so that a repetition takes some `seconds`, at 50 Gflop/s.
    [[nodiscard]] std::int64_t iterations(double seconds) const {
        return std::clamp<std::int64_t>(std::llround(seconds * 50e9 / flops()), 1, 200);
    }
};

/// Sizes whose products take more than a second or so get fewer repetitions.
inline int repetitions(const LossCase& loss_case) {
    return loss_case.flops() > 1e11 ? 3 : 5;
}

inline Dataset random_labels(const LossCase& loss_case) {
    SyntheticOptions options;
    options.vocab_size = loss_case.vocab;
    options.contexts = loss_case.contexts;
    options.supports = loss_case.contexts;
    options.least_support = loss_case.mean_support / 2;
    options.most_support = loss_case.mean_support + loss_case.mean_support / 2;
    options.seed = 1;
    options.weights = SyntheticWeights::zipf;
    return make_synthetic(options);
}

/// A dataset with factors W and H that make logits of variance 1, fp64 master.
class LossProblem {
  public:
    LossProblem(Dataset data, std::int64_t dim, Precision precision)
        : backend_(make_cpu_backend()),
          dataset_(std::move(data)),
          labels_(*backend_, dataset_),
          words_(*backend_, dataset_.vocab_size * dim * 8),
          contexts_(*backend_, dataset_.contexts() * dim * 8),
          words_gradient_(*backend_, dataset_.vocab_size * dim * 8),
          contexts_gradient_(*backend_, dataset_.contexts() * dim * 8),
          dim_(dim),
          step_(backend_->make_loss_step(labels_.view(), {dim, Real::fp64, precision, 0, 0})) {
        const double scale = std::pow(static_cast<double>(dim), -0.25);
        backend_->fill_normal(words().flat(), {1, 0}, scale);
        backend_->fill_normal(contexts().flat(), {1, 1}, scale);
        sums_ = run();
        check(precision == Precision::fp32 ? 1e-4 : 1e-10);
    }

    LossSums run() { return step_->run(words(), contexts(), 0, words_gradient(), contexts_gradient()); }

    [[nodiscard]] Backend& backend() const { return *backend_; }
    [[nodiscard]] const Dataset& dataset() const { return dataset_; }
    [[nodiscard]] Matrix words() const { return words_.matrix(Real::fp64, dataset_.vocab_size, dim_); }
    [[nodiscard]] Matrix contexts() const { return contexts_.matrix(Real::fp64, dataset_.contexts(), dim_); }
    [[nodiscard]] double loss() const { return sums_.excess_loss + entropy(dataset_); }
    [[nodiscard]] double gradient_norm() const {
        const Vector w = words_gradient().flat(), h = contexts_gradient().flat();
        return std::sqrt(backend_->dot(w, w) + backend_->dot(h, h));
    }

  private:
    [[nodiscard]] Matrix words_gradient() const {
        return words_gradient_.matrix(Real::fp64, dataset_.vocab_size, dim_);
    }
    [[nodiscard]] Matrix contexts_gradient() const {
        return contexts_gradient_.matrix(Real::fp64, dataset_.contexts(), dim_);
    }

    // dH by the textbook on a few contexts; dW through what ties it to dH: ⟨W, dW⟩ = ⟨G, WH⟩ = ⟨H, dH⟩, and
    // the columns of G sum to 0, so dW's do.
    void check(double tolerance) const {
        const std::int64_t m = dataset_.contexts();
        for (const std::int64_t context : {std::int64_t{0}, m / 2, m - 1}) check_context(context, tolerance);

        const Vector w = words().flat(), dw = words_gradient().flat();
        const double through_words = backend_->dot(w, dw);
        const double through_contexts = backend_->dot(contexts().flat(), contexts_gradient().flat());
        const double bound = tolerance * std::sqrt(backend_->dot(w, w) * backend_->dot(dw, dw));
        if (!(std::abs(through_words - through_contexts) <= bound))
            throw Failure(
                fmt::format("wrong result: <W, dW> = {} but <H, dH> = {}", through_words, through_contexts));
        std::vector<double> column_sums(dim_, 0.0);
        for (std::int64_t v = 0; v < dataset_.vocab_size; ++v)
            for (std::int64_t c = 0; c < dim_; ++c) column_sums[c] += dw.as<double>()[v * dim_ + c];
        for (const double sum : column_sums)
            if (!(std::abs(sum) <= tolerance * std::sqrt(backend_->dot(dw, dw))))
                throw Failure(fmt::format("wrong result: a column of dW sums to {}, not 0", sum));
    }

    void check_context(std::int64_t context, double tolerance) const {
        const double* w = words().as<double>();
        const double* h = contexts().as<double>() + context * dim_;
        std::vector<double> residual(dataset_.vocab_size);
        double total = 0;
        for (std::int64_t v = 0; v < dataset_.vocab_size; ++v) {
            double logit = 0;
            for (std::int64_t c = 0; c < dim_; ++c) logit += w[v * dim_ + c] * h[c];
            total += residual[v] = std::exp(logit);
        }
        for (double& value : residual) value /= total;
        for (std::int64_t s = dataset_.indptr[context]; s < dataset_.indptr[context + 1]; ++s)
            residual[dataset_.indices[s]] -= dataset_.probs[s];
        double difference = 0, norm = 0;
        for (std::int64_t c = 0; c < dim_; ++c) {
            double expected = 0;
            for (std::int64_t v = 0; v < dataset_.vocab_size; ++v) expected += residual[v] * w[v * dim_ + c];
            expected *= dataset_.context_probs[context];
            difference += std::pow(contexts_gradient().as<double>()[context * dim_ + c] - expected, 2);
            norm += expected * expected;
        }
        if (!(difference <= tolerance * tolerance * norm))
            throw Failure(fmt::format("wrong result: dH of context {} is off by {:.2g} relative", context,
                                      std::sqrt(difference / norm)));
    }

    std::unique_ptr<Backend> backend_;
    Dataset dataset_;
    Labels labels_;
    Array words_, contexts_, words_gradient_, contexts_gradient_;
    std::int64_t dim_;
    std::unique_ptr<LossStep> step_;
    LossSums sums_;
};

/// The sizes every loss-step case and its peer come in.
std::span<const LossCase> loss_cases();

}  // namespace ntpgeo::bench
