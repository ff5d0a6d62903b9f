#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/training/line_search.hpp"
#include "engine/training/optimizer.hpp"

namespace ntpgeo {
namespace {

/// Limited-memory BFGS (Nocedal and Wright, algorithms 7.4 and 7.5) with a strong-Wolfe line search. The two
/// loops run over the coefficients of the direction in the basis of the gradient and the pairs, whose
/// products are kept (Chen, Wang and Zhou, NIPS 2014): an update makes those of its three new vectors in one
/// pass, and the direction in another. One update is one accepted iterate. It has reached its noise floor
/// when steepest descent finds no decrease, or when the objective has moved by no more than its own rounding
/// several updates in a row.
class Lbfgs final : public Optimizer {
  public:
    Lbfgs(Objective& objective, Real master, const Stage& stage)
        : objective_(objective),
          backend_(objective.backend()),
          stage_(stage),
          history_(stage.history),
          memory_(objective, master, stage),
          curvature_(static_cast<std::size_t>(history_), 0.0),
          products_(static_cast<std::size_t>(basis() * basis()), 0.0) {
        // Once with every row there is: what the widest of them takes is then there for good, and no update
        // can run out of memory when it has moved x.
        written_ = history_;
        make_products({0, 0, 0});
        written_ = 0;
    }

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const double lambda = lambda_at(stage_, context.update);
        prepare(x, lambda);
        if (!std::isfinite(value_)) throw NonFiniteLoss("the loss is not finite");
        if (stagnant_ >= most_stagnant) return UpdateOutcome::noise_floor;
        for (int attempt = 0; attempt < 2; ++attempt) {
            const bool steepest = pairs_ == 0;
            find_direction();
            const double slope = objective_.dot(gradient(), direction());
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
        return is_zero(objective_, gradient()) ? UpdateOutcome::ended_stationary : UpdateOutcome::noise_floor;
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
        have_products_ = false;
    }

  private:
    static constexpr std::int64_t most_stagnant = 5;

    // The basis comes first: row 0 the gradient, rows 1 + 2k and 2 + 2k pair k.
    [[nodiscard]] std::int64_t basis() const { return 1 + 2 * history_; }
    static std::int64_t step_row(std::int64_t k) { return 1 + 2 * k; }
    static std::int64_t change_row(std::int64_t k) { return 2 + 2 * k; }
    [[nodiscard]] Vector gradient() const { return memory_.vector(0); }
    [[nodiscard]] Vector step_of(std::int64_t k) const { return memory_.vector(step_row(k)); }
    [[nodiscard]] Vector change_of(std::int64_t k) const { return memory_.vector(change_row(k)); }
    [[nodiscard]] Vector direction() const { return memory_.vector(basis()); }
    [[nodiscard]] Vector trial() const { return memory_.vector(basis() + 1); }
    [[nodiscard]] Vector trial_gradient() const { return memory_.vector(basis() + 2); }

    /// Rows of the basis up to the last that a pair has been written to.
    [[nodiscard]] Matrix rows() const {
        const Vector first = gradient();
        return {first.data, first.real, 1 + 2 * written_, first.size};
    }
    double& product(std::int64_t a, std::int64_t b) { return products_[a * basis() + b]; }

    /// Makes the products of these rows of the basis with all of it.
    void make_products(const std::vector<std::int64_t>& of) {
        std::vector<Vector> left;
        for (const std::int64_t row : of) left.push_back(memory_.vector(row));
        const Matrix right = rows();
        const std::vector<double> made = objective_.products(left, right);
        for (std::size_t i = 0; i < of.size(); ++i)
            for (std::int64_t k = 0; k < right.rows; ++k)
                product(of[i], k) = product(k, of[i]) = made[i * right.rows + k];
    }
    // What a checkpoint does not hold follows from the vectors that it does, to the last bit.
    void have_products() {
        if (have_products_) return;
        // All slots may have been written: which is not known any more.
        written_ = pairs_ == 0 ? 0 : next_ >= pairs_ ? next_ : history_;
        make_products({0});
        for (std::int64_t k = 0; k < written_; ++k) make_products({step_row(k), change_row(k)});
        have_products_ = true;
    }

    // Value and gradient at x for this λ; they are kept from the last accepted trial.
    void prepare(Vector x, double lambda) {
        if (!ready_) {
            value_ = objective_.evaluate(x, lambda, gradient());
            ready_ = true;
            have_products_ = false;
        } else if (lambda != lambda_) {
            value_ += 0.5 * (lambda - lambda_) * objective_.dot(x, x);
            backend_.axpy(lambda - lambda_, x, gradient());
            if (have_products_) make_products({0});
        }
        lambda_ = lambda;
    }

    // direction = −(inverse Hessian estimate)·gradient by the two loops over the pairs, newest first.
    void find_direction() {
        have_products();
        std::vector<double> found(static_cast<std::size_t>(rows().rows), 0.0),
            weight(static_cast<std::size_t>(pairs_));
        found[0] = 1;
        const auto product_with = [&](std::int64_t row) {
            double sum = 0;
            for (std::size_t k = 0; k < found.size(); ++k)
                sum += found[k] * product(row, static_cast<std::int64_t>(k));
            return sum;
        };
        for (std::int64_t i = 0; i < pairs_; ++i) {
            const std::int64_t k = slot(i);
            weight[i] = product_with(step_row(k)) / curvature_[k];
            found[change_row(k)] -= weight[i];
        }
        if (pairs_ > 0) {
            const std::int64_t newest = slot(0), change = change_row(newest);
            const double scale = curvature_[newest] / product(change, change);
            for (double& coefficient : found) coefficient *= scale;
        }
        for (std::int64_t i = pairs_ - 1; i >= 0; --i) {
            const std::int64_t k = slot(i);
            found[step_row(k)] += weight[i] - product_with(change_row(k)) / curvature_[k];
        }
        for (double& coefficient : found) coefficient = -coefficient;
        backend_.combine_rows(found, rows(), direction());
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
        return {step, value, objective_.dot(trial_gradient(), direction())};
    }

    void accept(Vector x, const LinePoint& point, double lambda) {
        if (evaluated_ != point.step)
            evaluate_at(x, point.step, lambda);  // the best trial was not the last one
        const std::int64_t newest = next_;
        const Vector step = step_of(newest), change = change_of(newest);
        backend_.copy(trial(), step);
        backend_.axpy(-1, x, step);
        backend_.copy(trial_gradient(), change);
        backend_.axpy(-1, gradient(), change);
        backend_.copy(trial(), x);
        backend_.copy(trial_gradient(), gradient());
        written_ = std::max(written_, newest + 1);
        make_products({step_row(newest), change_row(newest), 0});
        const double curvature = product(step_row(newest), change_row(newest));
        if (curvature >
            std::numeric_limits<double>::epsilon() * product(change_row(newest), change_row(newest))) {
            curvature_[newest] = curvature;
            next_ = (newest + 1) % history_;
            pairs_ = std::min(pairs_ + 1, history_);
        } else {
            pairs_ = std::min(pairs_, history_ - 1);  // the oldest, where all are kept, has been written over
        }
        const double rounding = 8 * std::numeric_limits<double>::epsilon() * std::abs(value_);
        stagnant_ = value_ - point.value <= rounding ? stagnant_ + 1 : 0;
        value_ = point.value;
    }

    Objective& objective_;
    Backend& backend_;
    Stage stage_;
    std::int64_t history_;
    OptimizerMemory memory_;         // the basis, then direction, trial, trial gradient
    std::vector<double> curvature_;  // [history] sᵀy
    std::vector<double> products_;   // [basis, basis] of its vectors
    bool have_products_ = false;
    std::int64_t written_ = 0;  // slots of pairs, from the first on
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
