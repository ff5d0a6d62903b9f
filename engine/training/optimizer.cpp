#include "engine/training/optimizer.hpp"

#include <cmath>

#include "engine/training/optimizer_memory.hpp"

namespace ntpgeo {
namespace {

void require_finite(double value) {
    if (!std::isfinite(value)) throw NonFiniteLoss("the loss is not finite");
}

/// x ← x − lr·g.
class GradientDescent final : public Optimizer {
  public:
    GradientDescent(Objective& objective, Real master, const Stage& stage)
        : objective_(objective), memory_(objective, master, stage) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const Vector gradient = memory_.vector(0);
        require_finite(objective_.evaluate(x, context.lambda, gradient));
        objective_.backend().descend(context.learning_rate, gradient, objective_.update_of(x));
        return UpdateOutcome::advanced;
    }

  private:
    Objective& objective_;
    OptimizerMemory memory_;  // gradient
};

/// Heavy ball (Polyak 1964): v ← βv + g, x ← x − lr·v. The velocity is in units of the gradient, so that a
/// schedule of the rate scales the whole step.
class Momentum final : public Optimizer {
  public:
    Momentum(Objective& objective, Real master, const Stage& stage)
        : objective_(objective), momentum_(stage.momentum), memory_(objective, master, stage) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const Vector velocity = memory_.vector(0), gradient = memory_.vector(1);
        require_finite(objective_.evaluate(x, context.lambda, gradient));
        objective_.backend().heavy_ball(momentum_, context.learning_rate, gradient, velocity,
                                        objective_.update_of(x));
        return UpdateOutcome::advanced;
    }
    void enter(const Stage& stage) override { momentum_ = stage.momentum; }
    std::vector<NamedVector> state_vectors() override { return {{"velocity", memory_.vector(0)}}; }

  private:
    Objective& objective_;
    double momentum_;
    OptimizerMemory memory_;  // velocity, gradient
};

/// Normalised gradient descent: x ← x − lr·g/‖g‖ with the norm of all that is trained, λ's part included.
class NormalisedDescent final : public Optimizer {
  public:
    NormalisedDescent(Objective& objective, Real master, const Stage& stage)
        : objective_(objective), memory_(objective, master, stage) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const Vector gradient = memory_.vector(0);
        Backend& backend = objective_.backend();
        require_finite(objective_.evaluate(x, context.lambda, gradient));
        double square = backend.dot(gradient, gradient);
        if (square < smallest_square && gradient.real == Real::fp64) {
            // Long runs reach gradients whose squares underflow before they do.
            backend.scale(far_up, gradient);
            square = backend.dot(gradient, gradient);
        }
        if (square == 0) return UpdateOutcome::stationary;
        require_finite(square);
        backend.descend(context.learning_rate / std::sqrt(square), gradient, objective_.update_of(x));
        return UpdateOutcome::advanced;
    }

  private:
    static constexpr double smallest_square = 1e-280, far_up = 0x1p+500;

    Objective& objective_;
    OptimizerMemory memory_;  // gradient
};

/// Adam (arXiv 1412.6980) and AdamW (arXiv 1711.05101): with decoupled decay the objective has no ridge, and
/// x ← x − lr·λ·x goes beside Adam's step.
class Adam final : public Optimizer {
  public:
    Adam(Objective& objective, Real master, const Stage& stage)
        : objective_(objective), stage_(stage), memory_(objective, master, stage) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const Vector gradient = memory_.vector(2);
        const double ridge = ridge_of(stage_, context.lambda);
        require_finite(objective_.evaluate(x, ridge, gradient));
        const double count = static_cast<double>(context.update + 1);
        const AdamStep step{context.learning_rate,
                            stage_.beta1,
                            stage_.beta2,
                            stage_.epsilon,
                            -std::expm1(count * std::log(stage_.beta1)),
                            -std::expm1(count * std::log(stage_.beta2)),
                            context.learning_rate * (context.lambda - ridge)};
        objective_.backend().adam(step, gradient, memory_.vector(0), memory_.vector(1),
                                  objective_.update_of(x));
        return UpdateOutcome::advanced;
    }
    void enter(const Stage& stage) override { stage_ = stage; }
    std::vector<NamedVector> state_vectors() override {
        return {{"first_moment", memory_.vector(0)}, {"second_moment", memory_.vector(1)}};
    }

  private:
    Objective& objective_;
    Stage stage_;
    OptimizerMemory memory_;  // m, v, gradient
};

}  // namespace

std::int64_t optimizer_vectors(const Stage& stage) {
    switch (stage.optimizer) {
        case OptimizerKind::gd:
        case OptimizerKind::ngd:
            return 1;
        case OptimizerKind::momentum:
            return 2;
        case OptimizerKind::adam:
        case OptimizerKind::adamw:
            return 3;
        case OptimizerKind::lbfgs:
            return 4 + 2 * stage.history;
    }
    return 0;
}

std::unique_ptr<Optimizer> make_optimizer(Objective& objective, Real master, const Stage& stage) {
    switch (stage.optimizer) {
        case OptimizerKind::gd:
            return std::make_unique<GradientDescent>(objective, master, stage);
        case OptimizerKind::momentum:
            return std::make_unique<Momentum>(objective, master, stage);
        case OptimizerKind::ngd:
            return std::make_unique<NormalisedDescent>(objective, master, stage);
        case OptimizerKind::adam:
        case OptimizerKind::adamw:
            return std::make_unique<Adam>(objective, master, stage);
        case OptimizerKind::lbfgs:
            return make_lbfgs(objective, master, stage);
    }
    return nullptr;
}

}  // namespace ntpgeo
