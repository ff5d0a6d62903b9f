#include "engine/training/optimizer.hpp"

#include <optional>

namespace ntpgeo {
namespace {

/// An optimizer that makes an update of the gradient at x and of the vectors it keeps, as its row says. An
/// update is operations alone, which read their numbers where they are computed, so that a backend can queue
/// many of them ahead.
class FirstOrder final : public Optimizer {
  public:
    FirstOrder(Objective& objective, Real master, const Stage& stage)
        : objective_(objective),
          backend_(objective.backend()),
          stage_(stage),
          memory_(objective, master, stage),
          numbers_(backend_, static_cast<std::int64_t>(sizeof(UpdateNumbers))),
          status_(backend_) {}

    UpdateOutcome update(Vector x, const UpdateContext& context) override {
        if (!replay_) {
            const UpdateNumbers start{.update = context.update, .seen = context.seen};
            backend_.upload(&start, numbers_.data(), numbers_.bytes());
            *status_.get() = {};
            replay_ = objective_.make_replay([this, x] { queue(x); });
        }
        replay_->run();
        if (!replay_->runs_ahead()) return settle(x);
        require_finite();
        return UpdateOutcome::queued;
    }
    UpdateOutcome settle(Vector x) override {
        replay_->finish();
        require_finite();
        return status_->unchanged && at_rest(x) ? UpdateOutcome::stationary : UpdateOutcome::advanced;
    }
    void enter(const Stage& stage) override {
        replay_.reset();
        stage_ = stage;
    }
    std::vector<NamedVector> state_vectors() override {
        std::vector<NamedVector> vectors;
        for (std::int64_t k = 0; k < saved_vectors(stage_); ++k)
            vectors.emplace_back(row_of(stage_.optimizer).state[static_cast<std::size_t>(k)],
                                 memory_.vector(k));
        return vectors;
    }

  private:
    [[nodiscard]] Vector gradient() const { return memory_.vector(saved_vectors(stage_)); }

    void queue(Vector x) {
        auto* const numbers = numbers_.as<UpdateNumbers>();
        const OptimizerRow& row = row_of(stage_.optimizer);
        backend_.begin_update(schedule_of(stage_), numbers);
        objective_.enqueue(x, &numbers->ridge, gradient());
        if (row.by_norm) objective_.divide_by_norm(gradient(), numbers);
        backend_.judge_update(objective_.value(), numbers, status_.get());
        const InRegion region(backend_, Region::update);
        half_done([&] {
            std::int64_t begin = 0;
            for (const std::int64_t end : objective_.pieces_of_update()) {
                const auto piece = [&](Vector all) { return part_of(all, begin, end - begin); };
                FirstOrderStep step{backend_, stage_, numbers, piece(gradient()), {}, objective_, piece(x)};
                for (std::int64_t k = 0; k < saved_vectors(stage_); ++k)
                    step.state[static_cast<std::size_t>(k)] = piece(memory_.vector(k));
                row.step(step);
                objective_.moved(x, end);
                begin = end;
            }
        });
    }

    // Whether x stays as it is: its gradient is 0, and neither velocity nor first moment nor decay moves it.
    bool at_rest(Vector x) {
        return is_zero(objective_, gradient()) &&
               (saved_vectors(stage_) == 0 || is_zero(objective_, memory_.vector(0))) &&
               (!row_of(stage_.optimizer).decoupled_decay || stage_.lambda_start == 0 ||
                is_zero(objective_, x));
    }
    // As far as the queue has come.
    void require_finite() const {
        const std::int64_t at = static_cast<const volatile UpdateStatus*>(status_.get())->stopped_at;
        if (at >= 0) throw NonFiniteLoss("the loss is not finite", at);
    }

    Objective& objective_;
    Backend& backend_;
    Stage stage_;
    OptimizerMemory memory_;  // the state, then the gradient
    Array numbers_;           // UpdateNumbers
    Shared<UpdateStatus> status_;
    std::unique_ptr<Replay> replay_;  // of update(), from the stage's first on
};

}  // namespace

Parameters FirstOrderStep::target() const {
    return objective.update_of(x);
}

bool is_zero(Backend& backend, Vector x, const std::function<double()>& square) {
    if (square() != 0) return false;
    if (x.real != Real::fp64) return true;  // fp32 squares are summed in fp64
    backend.scale(far_up, x);
    const bool zero = square() == 0;
    backend.scale(1 / far_up, x);
    return zero;
}

bool is_zero(Objective& objective, Vector x) {
    return is_zero(objective.backend(), x, [&] { return objective.dot(x, x); });
}

std::unique_ptr<Optimizer> make_optimizer(Objective& objective, Real master, const Stage& stage) {
    if (stage.optimizer == OptimizerKind::lbfgs) return make_lbfgs(objective, master, stage);
    return std::make_unique<FirstOrder>(objective, master, stage);
}

}  // namespace ntpgeo
