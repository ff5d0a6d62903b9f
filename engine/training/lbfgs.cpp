#include <cmath>
#include <limits>

#include "engine/training/line_search.hpp"
#include "engine/training/optimizer.hpp"

namespace ntpgeo {
namespace {

/// Limited-memory BFGS (Nocedal and Wright, algorithms 7.4 and 7.5) with a strong-Wolfe line search. One
/// update is one accepted iterate. It has reached its noise floor when steepest descent finds no decrease, or
/// when the objective has moved by no more than its own rounding several updates in a row.
class Lbfgs final : public Optimizer {
  public:
    Lbfgs(Objective& objective, Real master, const Stage& stage)
        : objective_(objective),
          backend_(objective.backend()),
          stage_(stage),
          history_(stage.history),
          memory_(objective, master, stage),
          curvature_(static_cast<std::size_t>(history_), 0.0) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const double lambda = lambda_at(stage_, context.update);
        prepare(x, lambda);
        if (!std::isfinite(value_)) throw NonFiniteLoss("the loss is not finite");
        if (stagnant_ >= most_stagnant) return UpdateOutcome::noise_floor;
        for (int attempt = 0; attempt < 2; ++attempt) {
            const bool steepest = pairs_ == 0;
            find_direction();
            const double slope = backend_.dot(gradient(), direction());
            if (slope < 0) {
                // Without curvature the first trial moves x by the length 1, or by the gradient where that is
                // shorter.
                const double scale = steepest ? std::min(1.0, 1 / std::sqrt(-slope)) : 1.0;
                const LineSearchResult result =
                    strong_wolfe_search({0, value_, slope}, learning_rate_at(stage_, context.update) * scale,
                                        [&](double step) { return evaluate_at(x, step, lambda); });
                if (result.found) {
                    accept(x, result.point, lambda);
                    return UpdateOutcome::advanced;
                }
            }
            if (steepest) break;
            pairs_ = 0;
        }
        return is_zero(backend_, gradient()) ? UpdateOutcome::ended_stationary : UpdateOutcome::noise_floor;
    }

    // The pairs still describe the curvature; value and gradient may be of another precision or objective.
    void enter(const Stage& stage) override {
        stage_ = stage;
        ready_ = false;
        stagnant_ = 0;
    }

    std::vector<NamedVector> state_vectors() override {
        std::vector<NamedVector> vectors{{"gradient", gradient()}};
        for (std::int64_t k = 0; k < history_; ++k) {
            vectors.emplace_back("step_" + std::to_string(k), step_of(k));
            vectors.emplace_back("change_" + std::to_string(k), change_of(k));
        }
        return vectors;
    }
    [[nodiscard]] std::vector<double> state_numbers() const override {
        std::vector<double> numbers{ready_ ? 1.0 : 0.0,
                                    value_,
                                    lambda_,
                                    static_cast<double>(pairs_),
                                    static_cast<double>(next_),
                                    static_cast<double>(stagnant_)};
        numbers.insert(numbers.end(), curvature_.begin(), curvature_.end());
        return numbers;
    }
    void restore_numbers(const std::vector<double>& numbers) override {
        ready_ = numbers.at(0) != 0;
        value_ = numbers.at(1);
        lambda_ = numbers.at(2);
        pairs_ = static_cast<std::int64_t>(numbers.at(3));
        next_ = static_cast<std::int64_t>(numbers.at(4));
        stagnant_ = static_cast<std::int64_t>(numbers.at(5));
        for (std::size_t k = 0; k < curvature_.size(); ++k) curvature_[k] = numbers.at(6 + k);
    }

  private:
    static constexpr std::int64_t work_vectors = 4;
    static constexpr std::int64_t most_stagnant = 5;

    [[nodiscard]] Vector gradient() const { return memory_.vector(0); }
    [[nodiscard]] Vector direction() const { return memory_.vector(1); }
    [[nodiscard]] Vector trial() const { return memory_.vector(2); }
    [[nodiscard]] Vector trial_gradient() const { return memory_.vector(3); }
    [[nodiscard]] Vector step_of(std::int64_t k) const { return memory_.vector(work_vectors + 2 * k); }
    [[nodiscard]] Vector change_of(std::int64_t k) const { return memory_.vector(work_vectors + 2 * k + 1); }

    // Value and gradient at x for this λ; they are kept from the last accepted trial.
    void prepare(Vector x, double lambda) {
        if (!ready_) {
            value_ = objective_.evaluate(x, lambda, gradient());
            ready_ = true;
        } else if (lambda != lambda_) {
            value_ += 0.5 * (lambda - lambda_) * backend_.dot(x, x);
            backend_.axpy(lambda - lambda_, x, gradient());
        }
        lambda_ = lambda;
    }

    // direction = −(inverse Hessian estimate)·gradient by the two loops over the pairs, newest first.
    void find_direction() {
        backend_.copy(gradient(), direction());
        std::vector<double> weight(static_cast<std::size_t>(pairs_));
        for (std::int64_t i = 0; i < pairs_; ++i) {
            const std::int64_t k = slot(i);
            weight[i] = backend_.dot(step_of(k), direction()) / curvature_[k];
            backend_.axpy(-weight[i], change_of(k), direction());
        }
        if (pairs_ > 0) {
            const std::int64_t newest = slot(0);
            backend_.scale(curvature_[newest] / backend_.dot(change_of(newest), change_of(newest)),
                           direction());
        }
        for (std::int64_t i = pairs_ - 1; i >= 0; --i) {
            const std::int64_t k = slot(i);
            const double correction = weight[i] - backend_.dot(change_of(k), direction()) / curvature_[k];
            backend_.axpy(correction, step_of(k), direction());
        }
        backend_.scale(-1, direction());
    }
    // Where the i-th newest pair lies.
    [[nodiscard]] std::int64_t slot(std::int64_t i) const {
        return (next_ - 1 - i + 2 * history_) % history_;
    }

    LinePoint evaluate_at(Vector x, double step, double lambda) {
        backend_.copy(x, trial());
        backend_.axpy(step, direction(), trial());
        const double value = objective_.evaluate(trial(), lambda, trial_gradient());
        evaluated_ = step;
        return {step, value, backend_.dot(trial_gradient(), direction())};
    }

    void accept(Vector x, const LinePoint& point, double lambda) {
        if (evaluated_ != point.step)
            evaluate_at(x, point.step, lambda);  // the best trial was not the last one
        const Vector step = step_of(next_), change = change_of(next_);
        backend_.copy(trial(), step);
        backend_.axpy(-1, x, step);
        backend_.copy(trial_gradient(), change);
        backend_.axpy(-1, gradient(), change);
        const double product = backend_.dot(step, change);
        if (product > std::numeric_limits<double>::epsilon() * backend_.dot(change, change)) {
            curvature_[next_] = product;
            next_ = (next_ + 1) % history_;
            pairs_ = std::min(pairs_ + 1, history_);
        }
        const double rounding = 8 * std::numeric_limits<double>::epsilon() * std::abs(value_);
        stagnant_ = value_ - point.value <= rounding ? stagnant_ + 1 : 0;
        backend_.copy(trial(), x);
        backend_.copy(trial_gradient(), gradient());
        value_ = point.value;
    }

    Objective& objective_;
    Backend& backend_;
    Stage stage_;
    std::int64_t history_;
    OptimizerMemory memory_;         // gradient, direction, trial, trial gradient, then the pairs (s, y)
    std::vector<double> curvature_;  // [history] sᵀy
    bool ready_ = false;
    double value_ = 0, lambda_ = 0;
    double evaluated_ = -1;  // the step that trial and trial gradient belong to
    std::int64_t pairs_ = 0, next_ = 0, stagnant_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_lbfgs(Objective& objective, Real master, const Stage& stage) {
    return std::make_unique<Lbfgs>(objective, master, stage);
}

}  // namespace ntpgeo
