// The optimizers of design 2.1 written down plainly, in double, with the oracle's gradient: what the engine's
// are held against. Shares no code with them.
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "tests/oracle.hpp"

namespace ntpgeo::oracle {

/// One stage of the reference. `rate` and `lambda` are functions of the stage's own updates 0, 1, …
struct ReferenceStage {
    std::string optimizer;
    int steps = 0;
    double momentum = 0.9, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-15;
    std::vector<double> rate{}, lambda{};
    bool keeps_state = false;            ///< goes on with the state of the stage before
    bool words = true, contexts = true;  ///< whether they are trained
};

/// W then H in one vector, with the state of an optimizer.
class Reference {
  public:
    Reference(const Dataset& data, std::int64_t dim, std::vector<double> start)
        : x(std::move(start)), data_(data), dim_(static_cast<std::size_t>(dim)) {}

    std::vector<double> x;

    void run(const ReferenceStage& stage) {
        if (!stage.keeps_state) {
            first_.assign(x.size(), 0);
            second_.assign(x.size(), 0);
            count_ = 0;
        }
        for (int t = 0; t < stage.steps; ++t) {
            const double rate = stage.rate[static_cast<std::size_t>(t)];
            const double lambda = stage.lambda[static_cast<std::size_t>(t)];
            update(stage, rate, lambda);
        }
    }

  private:
    /// The gradient of CE + ridge/2 ‖x‖², 0 on what is not trained.
    std::vector<double> gradient(const ReferenceStage& stage, double ridge) const {
        const auto vocab = static_cast<std::size_t>(data_.vocab_size);
        const auto contexts = static_cast<std::size_t>(data_.contexts());
        const std::vector<double> w(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(vocab * dim_));
        const std::vector<double> h(x.begin() + static_cast<std::ptrdiff_t>(vocab * dim_), x.end());
        const Loss loss = oracle::loss(data_, dense(w, vocab, dim_), dense(h, contexts, dim_));
        std::vector<double> g(x.size(), 0);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::size_t row = i / dim_, k = i % dim_;
            const bool word = row < vocab;
            if (word ? !stage.words : !stage.contexts) continue;
            const Real slope = word ? loss.words_gradient[row][k] : loss.contexts_gradient[row - vocab][k];
            g[i] = static_cast<double>(slope + static_cast<Real>(ridge) * x[i]);
        }
        return g;
    }

    void update(const ReferenceStage& stage, double rate, double lambda) {
        const bool decoupled = stage.optimizer == "adamw";
        const std::vector<double> g = gradient(stage, decoupled ? 0 : lambda);
        const double norm = std::sqrt(std::inner_product(g.begin(), g.end(), g.begin(), 0.0));
        ++count_;
        const auto vocab_size = static_cast<std::size_t>(data_.vocab_size) * dim_;
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (i < vocab_size ? !stage.words : !stage.contexts) continue;
            if (stage.optimizer == "gd") {
                x[i] -= rate * g[i];
            } else if (stage.optimizer == "ngd") {
                x[i] -= rate * g[i] / norm;
            } else if (stage.optimizer == "momentum") {
                first_[i] = stage.momentum * first_[i] + g[i];
                x[i] -= rate * first_[i];
            } else if (stage.optimizer == "sign") {
                first_[i] = stage.momentum * first_[i] + g[i];
                x[i] -= first_[i] == 0 ? 0 : std::copysign(rate, first_[i]);
            } else {
                first_[i] = stage.beta1 * first_[i] + (1 - stage.beta1) * g[i];
                second_[i] = stage.beta2 * second_[i] + (1 - stage.beta2) * g[i] * g[i];
                const double mean = first_[i] / (1 - std::pow(stage.beta1, count_));
                const double square = second_[i] / (1 - std::pow(stage.beta2, count_));
                if (decoupled) x[i] *= 1 - rate * lambda;
                x[i] -= rate * mean / (std::sqrt(square) + stage.epsilon);
            }
        }
    }

    const Dataset& data_;
    std::size_t dim_;
    std::vector<double> first_, second_;
    int count_ = 0;
};

}  // namespace ntpgeo::oracle
