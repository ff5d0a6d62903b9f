#include "engine/training/optimizer.hpp"

#include <cmath>

namespace ntpgeo {
namespace {

void require_finite(double value) {
    if (!std::isfinite(value)) throw NonFiniteLoss("the loss is not finite");
}

class GradientDescent final : public Optimizer {
  public:
    GradientDescent(Objective& objective, Real master)
        : objective_(objective),
          gradient_(objective.backend(), objective.shape().size() * bytes_of(master)) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const Vector gradient = gradient_.vector(x.real, x.size);
        require_finite(objective_.evaluate(x, context.lambda, gradient));
        objective_.backend().axpy(-context.learning_rate, gradient, x);
        return UpdateOutcome::advanced;
    }

  private:
    Objective& objective_;
    Array gradient_;
};

class Adam final : public Optimizer {
  public:
    Adam(Objective& objective, Real master, const Stage& stage)
        : objective_(objective),
          stage_(stage),
          master_(master),
          memory_(objective.backend(), 3 * objective.shape().size() * bytes_of(master)) {
        objective.backend().fill_zero(memory_.vector(master, 3 * objective.shape().size()));
    }

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        const Vector gradient = part(2);
        require_finite(objective_.evaluate(x, context.lambda, gradient));
        const double count = static_cast<double>(context.update + 1);
        const AdamStep step{context.learning_rate,
                            stage_.beta1,
                            stage_.beta2,
                            stage_.epsilon,
                            -std::expm1(count * std::log(stage_.beta1)),
                            -std::expm1(count * std::log(stage_.beta2))};
        objective_.backend().adam(x, gradient, part(0), part(1), step);
        return UpdateOutcome::advanced;
    }

    std::vector<NamedVector> state_vectors() override {
        return {{"first_moment", part(0)}, {"second_moment", part(1)}};
    }

  private:
    [[nodiscard]] Vector part(std::int64_t k) const {
        const std::int64_t size = objective_.shape().size();
        return memory_.vector(master_, size, k * size);
    }

    Objective& objective_;
    Stage stage_;
    Real master_;
    Array memory_;  // m, v, gradient
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(Objective& objective, Real master, const Stage& stage) {
    switch (stage.optimizer) {
        case OptimizerKind::gd:
            return std::make_unique<GradientDescent>(objective, master);
        case OptimizerKind::adam:
            return std::make_unique<Adam>(objective, master, stage);
        case OptimizerKind::lbfgs:
            return make_lbfgs(objective, master, stage);
    }
    return nullptr;
}

}  // namespace ntpgeo
