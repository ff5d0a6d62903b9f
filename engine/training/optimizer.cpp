#include "engine/training/optimizer.hpp"

#include <cmath>

namespace ntpgeo {
namespace {

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
        require_finite(objective_.evaluate(x, ridge, gradient));
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
        return row_of(stage_.optimizer).step(step);
    }
    void enter(const Stage& stage) override { stage_ = stage; }
    std::vector<NamedVector> state_vectors() override {
        std::vector<NamedVector> vectors;
        for (std::int64_t k = 0; k < saved_vectors(stage_); ++k)
            vectors.emplace_back(row_of(stage_.optimizer).state[static_cast<std::size_t>(k)],
                                 memory_.vector(k));
        return vectors;
    }

  private:
    Objective& objective_;
    Stage stage_;
    OptimizerMemory memory_;  // the state, then the gradient
};

}  // namespace

Parameters FirstOrderStep::target() const {
    return objective.update_of(x);
}

UpdateOutcome normalised_descent(const FirstOrderStep& step) {
    constexpr double smallest_square = 1e-280, far_up = 0x1p+500;
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
