#include "host/run/training_run.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <tuple>

#include "engine/geometry/figures.hpp"
#include "host/files/file_error.hpp"
#include "host/run/config_names.hpp"
#include "host/run/device.hpp"
#include "host/run/interrupt.hpp"
#include "host/run/progress.hpp"
#include "host/run/record.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

using Clock = std::chrono::steady_clock;

/// Bound on ‖W‖²‖H‖² ≥ ‖L‖_F²: above it the squares that the figures are made of overflow, and no run comes
/// near it but by diverging.
constexpr double diverged_square_norm = 1e150;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

class TrainingRun {
  public:
    TrainingRun(RunFolder& folder, const RunConfig& config, const Dataset& dataset)
        : folder_(folder),
          config_(config),
          backend_(make_backend(config.device)),
          meter_(*backend_, dataset),
          trainer_(*backend_, meter_.labels(), config.training) {
        restore();
        start_ = last_checkpoint_ = Clock::now();
    }

    RunSummary run() {
        const InterruptGuard guard;
        Progress progress(trainer_.step(), config_.training.stage.steps);
        folder_.log(fmt::format("training from step {} on {}", trainer_.step(), config_.device));
        try {
            if (config_.metrics_every.due(trainer_.step())) record(progress);
            while (!trainer_.finished()) {
                trainer_.advance();
                progress.show(trainer_.step());
                if (config_.metrics_every.due(trainer_.step())) record(progress);
                if (trainer_.finished()) break;
                if (InterruptGuard::requested()) stop();
                if (checkpoint_due()) checkpoint();
            }
            record(progress);
            checkpoint();
        } catch (const NonFiniteLoss& error) {
            refuse_non_finite(error.what());
        }
        folder_.write_result(trainer_.parameters(), {trainer_.step(), trainer_.at_noise_floor(), 0});
        folder_.log(
            fmt::format("done at step {}{}", trainer_.step(),
                        trainer_.at_noise_floor() ? ", where no step lowers the objective any more" : ""));
        return {trainer_.step(), trainer_.at_noise_floor(), false, first_, last_};
    }

  private:
    void restore() {
        if (const auto checkpoint = folder_.newest_checkpoint()) {
            trainer_.load(read_state(*checkpoint));
            saved_ = trainer_.step();
            elapsed_before_ = read_state_header(*checkpoint).elapsed;
        }
        std::tie(first_, last_) = folder_.cut_metrics(saved_, config_.metrics_every);
    }

    [[nodiscard]] double elapsed() const { return elapsed_before_ + seconds_since(start_); }

    void record(Progress& progress) {
        if (!last_.is_null() && last_["step"] == trainer_.step()) return;
        require_in_range();
        const Precision own = config_.training.stage.precision;
        const Precision precision = config_.metrics_fp64 ? Precision::fp64 : own;
        const Figures figures = meter_.measure(trainer_.words(), trainer_.contexts(), trainer_.lambda(),
                                               precision, config_.training.seed, trainer_.step());
        if (!std::isfinite(figures.excess_loss) || !std::isfinite(figures.grad_norm))
            throw NonFiniteLoss(fmt::format("the loss is not finite at step {}", trainer_.step()));
        last_ = train_record(figures, {trainer_.step(), elapsed(), config_.device, name_of(own),
                                       name_of(precision), meter_.entropy(), meter_.proxy_kind()});
        if (first_.is_null()) first_ = last_;
        folder_.append_metrics(last_);
        progress.note(fmt::format("excess loss {:.3e}", figures.excess_loss));
    }

    [[nodiscard]] bool checkpoint_due() const {
        const bool by_steps = config_.checkpoint_every > 0 && trainer_.step() % config_.checkpoint_every == 0;
        return by_steps || seconds_since(last_checkpoint_) >= config_.checkpoint_seconds;
    }

    void require_in_range() const {
        const Vector words = trainer_.words().flat(), contexts = trainer_.contexts().flat();
        const double square = backend_->dot(words, words) * backend_->dot(contexts, contexts);
        if (!(square <= diverged_square_norm))
            throw NonFiniteLoss(
                fmt::format("the parameters have grown beyond all bounds at step {}", trainer_.step()));
    }

    // A state that has diverged never replaces a good one.
    void checkpoint() {
        last_checkpoint_ = Clock::now();
        if (saved_ == trainer_.step() && !trainer_.at_noise_floor()) return;
        require_in_range();
        folder_.write_checkpoint(trainer_.save(), elapsed(), config_.keep_checkpoints);
        saved_ = trainer_.step();
        last_checkpoint_ = Clock::now();
    }

    [[noreturn]] void stop() {
        checkpoint();
        folder_.log(fmt::format("interrupted at step {}", trainer_.step()));
        throw Interrupted(fmt::format("interrupted at step {}; go on with: ntpgeo train -o {} --resume",
                                      trainer_.step(), printable(folder_.path())));
    }

    [[noreturn]] void refuse_non_finite(const std::string& what) const {
        const auto good = folder_.newest_checkpoint();
        const std::string back = good ? "the last good checkpoint is " + printable(*good)
                                      : std::string("no checkpoint had been written yet");
        const std::string message = fmt::format("{}; {}; a smaller lr may help", what, back);
        folder_.log(message);
        throw Failure(message);
    }

    RunFolder& folder_;
    const RunConfig& config_;
    std::unique_ptr<Backend> backend_;
    FigureMeter meter_;
    Trainer trainer_;
    nlohmann::ordered_json first_, last_;  // what metrics.jsonl begins and ends with
    std::int64_t saved_ = -1;              // step of the newest checkpoint
    double elapsed_before_ = 0;
    Clock::time_point start_, last_checkpoint_;
};

}  // namespace

RunSummary run_training(RunFolder& folder, const RunConfig& config, const Dataset& dataset) {
    if (const auto result = folder.result())
        if (result->at_noise_floor || result->step >= config.training.stage.steps)
            return {result->step, result->at_noise_floor, true, nullptr, nullptr};
    return TrainingRun(folder, config, dataset).run();
}

}  // namespace ntpgeo
