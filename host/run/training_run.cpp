// The body of `ntpgeo train`.

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <tuple>

#include "engine/runs/training.hpp"
#include "engine/training/settings.hpp"
#include "engine/training/update_clock.hpp"
#include "host/files/file_error.hpp"
#include "host/run/asked.hpp"
#include "host/run/device_use.hpp"
#include "host/run/runs.hpp"
#include "host/run/shared_run.hpp"
#include "host/run/step_profile.hpp"
#include "host/terminal/interruption.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

class TrainingRun {
  public:
    TrainingRun(OpenRun<RunConfig>& run, const Ranks& ranks, std::int64_t profiled_steps)
        : ranks_(ranks),
          folder_(run.folder()),
          config_(run.config),
          backend_(*run.backend),
          measured_(backend_, run.dataset, run.limit ? &*run.limit : nullptr, config_, &ranks.team()),
          trainer_(measured_.trainer()),
          offsets_{
              Shards{std::max<std::int64_t>(1, config_.shards), ranks.size()}.offsets(run.dataset.vocab_size),
              Shards{std::max<std::int64_t>(1, config_.shards), ranks.size()}.offsets(
                  run.dataset.contexts())},
          shape_{run.dataset.vocab_size, run.dataset.contexts(), config_.training.dim},
          profiler_(backend_, folder_, shape_, ranks.is_first() ? profiled_steps : 0) {
        run.limit.reset();  // its copy on the backend serves from here on
        measured_.call_between_parts([this] {
            if (ranks_.size() == 1) return stop_where_asked();
            // The others wait for the record: what is asked for is done once they have heard of it.
            if (InterruptGuard::stop_requested()) throw RecordLeft();
        });
        restore();
    }

    RunSummary run() {
        Progress progress(trainer_.step(), ranks_.is_first());
        folder_.log(fmt::format("training from step {} on {}", trainer_.step(), config_.device));
        try {
            if (ranks_.size() == 1)
                saving_where_memory_ends(
                    folder_, [&] { work(progress); }, [this] { checkpoint(); });
            else
                work(progress);
        } catch (const NonFiniteLoss& error) {
            Ranks::end_together();  // a loss is of all ranks
            throw Failure(fmt::format("{}; {}; a smaller {} may help", error.what(),
                                      folder_.last_good_checkpoint(),
                                      trainer_.step() == 0 ? "init-scale" : "lr"));
        } catch (const OutOfDeviceMemory&) {
            throw;
        } catch (const LostDevice&) {
            throw;
        } catch (const Failure& error) {
            throw Failure(fmt::format(
                "{}; {}{}", error.what(), folder_.last_good_checkpoint(),
                folder_.newest_checkpoint()
                    ? fmt::format("; go on with: ntpgeo train -o {} --resume", printable(folder_.path()))
                    : ""));
        } catch (const std::bad_alloc&) {
            throw Failure(
                fmt::format("out of memory at step {}; {}", trainer_.step(), folder_.last_good_checkpoint()));
        }
        const std::vector<StateTensor> parameters = measured_.parameters();
        ranks_.at_first([&] { folder_.write_result(parameters, trainer_.position()); });
        folder_.log(fmt::format("done at step {}{}", trainer_.step(),
                                trainer_.at_noise_floor() ? ", " + why_it_ended() : ""));
        return {trainer_.position(), trainer_.stationary() ? at_rest() : "", false, first_, last_};
    }

  private:
    void work(Progress& progress) {
        if (config_.shards > 0) folder_.log(text_of_shards(config_.shards, ranks_, config_.device));
        heed_requests();
        if (measured_.record_due()) record(progress);
        while (!trainer_.finished()) {
            heed_requests();
            advance();
            progress.show(trainer_.step(), last_step(config_.training, trainer_.position()), [this] {
                return words_of_use(backend_, shape_, trainer_.stage(), updates_.mean());
            });
            if (measured_.record_due()) record(progress);
            if (trainer_.finished()) break;
            // The next stage may ask for memory that is not there; the end of this one is safe then.
            if (checkpoint_due() || trainer_.stage_over()) checkpoint();
        }
        record(progress);
        checkpoint();
    }

    void restore() {
        double elapsed = 0;
        folder_.read_newest_checkpoint([&](const fs::path& path, const SafetensorsFile& file) {
            const SavedState saved = read_own(path, file);
            trainer_.load(saved.state);
            saved_ = trainer_.position();
            elapsed = saved.elapsed;
        });
        ranks_.at_first([&] {
            std::tie(first_, last_) = folder_.cut_metrics(saved_ ? saved_->step : -1, config_.metrics_every);
        });
        const std::int64_t last = last_.integer("step").value_or(-1);
        if (const std::int64_t step = TeamSums(ranks_.team(), ranks_.size()).largest(last); step >= 0)
            recorded_ = step;
        clock_ = WorkClock(elapsed, config_.checkpoint_seconds);
    }

    /// All ranks take a checkpoint, or none.
    SavedState read_own(const fs::path& path, const SafetensorsFile& file) const {
        if (config_.shards == 0) return read_state(file, path);
        const auto own = [&](const std::vector<std::int64_t>& offsets) {
            const auto rank = static_cast<std::size_t>(ranks_.team().rank());
            return RowRange{offsets[rank], offsets[rank + 1]};
        };
        return read_on_all(ranks_, path, [&] {
            return read_state(file, path, own(offsets_.words), own(offsets_.contexts));
        });
    }

    /// One update, and a line in the log where it begins or ends a stage or finds nothing to do.
    void advance() {
        const std::int64_t before = trainer_.position().stage;
        const bool was_stationary = trainer_.stationary();
        const auto update = [this] {
            profiler_.advance(trainer_);
            // What comes next looks at the parameters; until then updates may be queued.
            if (measured_.record_due() || trainer_.stage_over() || checkpoint_due()) trainer_.settle();
        };
        updates_.time(update, [this] { return trainer_.step(); });
        const Position& now = trainer_.position();
        if (now.stage != before)
            folder_.log(fmt::format(
                "stage {} of {} from step {}: {}, {}", now.stage + 1, config_.training.stages.size(),
                now.stage_begin, name_of(trainer_.stage().optimizer), name_of(trainer_.stage().precision)));
        if (now.at_noise_floor && !trainer_.finished())
            folder_.log(fmt::format("stage {} ends at step {}, {}", now.stage + 1, now.step, why_it_ended()));
        if (trainer_.stationary() && (!was_stationary || now.stage != before))
            folder_.log(fmt::format("the gradient is 0 at step {}: {}", now.step, at_rest()));
        if (!trainer_.stage_over()) return;
        log_use();
        profiler_.end(trainer_);
        updates_.begin_mean();
    }

    // What updates of the stage took of a GPU. Of the CPU the log has nothing that another run would not
    // have.
    void log_use() {
        const auto seconds = updates_.mean();
        const std::string use = words_of_use(backend_, shape_, trainer_.stage(), seconds);
        if (seconds && !use.empty())
            folder_.log(fmt::format("an update of stage {} took {:.3g} s, {}", trainer_.position().stage + 1,
                                    *seconds, use));
    }

    // Of a stage that ended before its time.
    [[nodiscard]] std::string why_it_ended() const {
        return trainer_.stationary() ? "where the gradient is exactly 0"
                                     : "where no step lowers the objective any more";
    }

    // Of the stage's optimizer where the gradient is exactly 0.
    [[nodiscard]] std::string at_rest() const {
        return fmt::format("{} stays {}", name_of(trainer_.stage().optimizer),
                           trainer_.at_zero()
                               ? "at W = H = 0, a saddle unless the objective is least there; start with "
                                 "--init-scale above 0"
                               : "where it is, a stationary point");
    }

    void record(Progress& progress) {
        if (recorded_ == trainer_.step()) return;
        const auto elapsed = clock_.elapsed();
        const auto step_seconds = updates_.read();
        try {
            last_ = measured_.record(elapsed, step_seconds);
        } catch (const RecordLeft&) {
            return heed_requests();
        }
        recorded_ = trainer_.step();
        if (!ranks_.is_first()) return;
        if (first_.empty()) first_ = last_;
        folder_.append_metrics(last_);
        progress.note(fmt::format("excess loss {:.3e}", last_.number("excess_loss").value()));
    }

    [[nodiscard]] bool checkpoint_due() const {
        const bool by_steps = config_.checkpoint_every > 0 && trainer_.step() % config_.checkpoint_every == 0;
        return by_steps || asked_.clock();
    }

    // A state that has diverged never replaces a good one.
    void checkpoint() {
        trainer_.settle();
        clock_.checkpoint_written();
        if (saved_ == trainer_.position()) return;
        measured_.require_in_range();
        const TrainerState state = trainer_.save();
        const auto write = [&] {
            if (config_.shards == 0)
                folder_.write_checkpoint(state, clock_.elapsed(), config_.keep_checkpoints);
            else
                folder_.write_index(state, offsets_, clock_.elapsed(), config_.keep_checkpoints);
        };
        if (config_.shards > 0)
            ranks_.together([&] {
                write_part(part_path(folder_.checkpoint_path(trainer_.step()), ranks_.team().rank(),
                                     offsets_.parts()),
                           state);
            });
        ranks_.at_first(write);
        saved_ = trainer_.position();
        clock_.checkpoint_written();
    }

    void heed_requests() {
        asked_.agree();
        stop_where_asked();
        if (!asked_.take_checkpoint()) return;
        checkpoint();
        folder_.log(fmt::format("checkpoint at step {}, as SIGUSR1 asked", trainer_.step()));
    }

    // Also in the middle of a record, which a run that goes on from here makes again.
    void stop_where_asked() {
        const auto request = asked_.stop();
        if (!request) return;
        checkpoint();
        profiler_.end(trainer_);
        log_use();
        const std::string what = fmt::format("{} at step {}", request->words, trainer_.step());
        folder_.log(what);
        Ranks::end_together();
        throw Interrupted(
            fmt::format("{}; go on with: ntpgeo train -o {} --resume", what, printable(folder_.path())),
            request->exit_status);
    }

    const Ranks& ranks_;
    RunFolder& folder_;
    const RunConfig& config_;
    Backend& backend_;
    MeasuredTraining measured_;
    Trainer& trainer_;
    PartOffsets offsets_;  // of the ranks' rows
    ModelShape shape_;
    StepProfiler profiler_;
    UpdateClock updates_;
    Record first_, last_;                   // what metrics.jsonl begins and ends with
    std::optional<Position> saved_;         // of the newest checkpoint
    std::optional<std::int64_t> recorded_;  // the step of the last record
    WorkClock clock_{0};
    Asked asked_{ranks_, [this] { return clock_.checkpoint_due(); }};
};

}  // namespace

std::optional<RunSummary> finished_training(const RunFolder& folder, const RunConfig& config) {
    const auto result = folder.result();
    if (!result) return std::nullopt;
    require_stage(config.training, *result);
    if (!is_finished(config.training, *result)) return std::nullopt;
    return RunSummary{.position = *result, .at_rest = {}, .was_finished = true, .first = {}, .last = {}};
}

RunSummary run_training(OpenRun<RunConfig>& run, const Ranks& ranks, std::int64_t profiled_steps) {
    // Of many ranks the first has looked, and the others are here to work.
    if (ranks.is_first())
        if (const auto finished = finished_training(run.folder(), run.config)) return *finished;
    return run.recording_failure([&] { return TrainingRun(run, ranks, profiled_steps).run(); });
}

}  // namespace ntpgeo
