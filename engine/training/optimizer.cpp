#include "engine/training/optimizer.hpp"

#include <cmath>
#include <optional>

namespace ntpgeo {
namespace {

// Brings the square of the smallest double into range, and none whose square had underflowed out of it.
constexpr double far_up = 0x1p+600;

void require_finite(double value) {
    if (!std::isfinite(value)) throw NonFiniteLoss("the loss is not finite");
}

/// An optimizer that makes an update of the gradient at x and of the vectors it keeps, as its row says.
class FirstOrder final : public Optimizer {
  public:
    FirstOrder(Objective& objective, Real master, const Stage& stage)
        : objective_(objective), stage_(stage), memory_(objective, master, stage) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const double ridge = ridge_of(stage_, context.lambda);
        const Vector gradient = memory_.vector(saved_vectors(stage_));
        const double value = objective_.evaluate(x, ridge, gradient);
        require_finite(value);
        FirstOrderStep step{.backend = objective_.backend(),
                            .stage = stage_,
                            .rate = context.learning_rate,
                            .decay = context.lambda - ridge,
                            .count = context.update + 1,
                            .gradient = gradient,
                            .state = {},
                            .objective = objective_,
                            .x = x};
        for (std::int64_t k = 0; k < saved_vectors(stage_); ++k)
            step.state[static_cast<std::size_t>(k)] = memory_.vector(k);
        // An update that leaves x alone leaves the value as it was: it is looked for nowhere else.
        const bool resting = (!value_ || value == *value_) && at_rest(step);
        value_ = value;
        const UpdateOutcome outcome = row_of(stage_.optimizer).step(step);
        return resting ? UpdateOutcome::stationary : outcome;
    }
    void enter(const Stage& stage) override {
        stage_ = stage;
        value_.reset();
    }
    std::vector<NamedVector> state_vectors() override {
        std::vector<NamedVector> vectors;
        for (std::int64_t k = 0; k < saved_vectors(stage_); ++k)
            vectors.emplace_back(row_of(stage_.optimizer).state[static_cast<std::size_t>(k)],
                                 memory_.vector(k));
        return vectors;
    }

  private:
    // Whether x stays as it is: its gradient is 0, and neither velocity nor first moment nor decay moves it.
    bool at_rest(const FirstOrderStep& step) {
        return is_zero(step.backend, step.gradient) &&
               (saved_vectors(stage_) == 0 || is_zero(step.backend, step.state[0])) &&
               (step.decay == 0 || is_zero(step.backend, step.x));
    }

    Objective& objective_;
    Stage stage_;
    std::optional<double> value_;  // of the update before
    OptimizerMemory memory_;       // the state, then the gradient
};

}  // namespace

Parameters FirstOrderStep::target() const {
    return objective.update_of(x);
}

bool is_zero(Backend& backend, Vector x) {
    if (backend.dot(x, x) != 0) return false;
    if (x.real != Real::fp64) return true;  // fp32 squares are summed in fp64
    backend.scale(far_up, x);
    const bool zero = backend.dot(x, x) == 0;
    backend.scale(1 / far_up, x);
    return zero;
}

UpdateOutcome normalised_descent(const FirstOrderStep& step) {
    constexpr double smallest_square = 1e-280;
    const Vector gradient = step.gradient;
    double square = step.backend.dot(gradient, gradient);
    if (square < smallest_square && gradient.real == Real::fp64) {
        // Long runs reach gradients whose squares underflow before they do.
        step.backend.scale(far_up, gradient);
        square = step.backend.dot(gradient, gradient);
    }
    if (square == 0) return UpdateOutcome::stationary;
    require_finite(square);
    step.backend.descend(step.rate / std::sqrt(square), gradient, step.target());
    return UpdateOutcome::advanced;
}

std::unique_ptr<Optimizer> make_optimizer(Objective& objective, Real master, const Stage& stage) {
    if (stage.optimizer == OptimizerKind::lbfgs) return make_lbfgs(objective, master, stage);
    return std::make_unique<FirstOrder>(objective, master, stage);
}

}  // namespace ntpgeo
