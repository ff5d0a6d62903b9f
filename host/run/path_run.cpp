// The body of `ntpgeo path`.

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <sstream>

#include "engine/geometry/figures.hpp"
#include "engine/runs/exact.hpp"
#include "engine/runs/record_left.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/run/asked.hpp"
#include "host/run/exact_ranks.hpp"
#include "host/run/record.hpp"
#include "host/run/run_inputs.hpp"
#include "host/run/runs.hpp"
#include "host/run/shared_run.hpp"
#include "host/terminal/interruption.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// Up to this many logits a point's file holds the X of its bound too (design 2.2).
constexpr std::int64_t most_bound_logits = 10'000'000;

/// Throws Interrupted where a signal or the time limit has asked for the end of a run that has no point yet.
void stop_where_asked(const std::optional<StopRequest>& request, const char* doing) {
    if (request)
        throw Interrupted(
            fmt::format("{} while {}, before any point; give the same command again", request->words, doing),
            request->exit_status);
}

/// The L_mm to measure against: the given one, or solved where that is cheap; none otherwise. The first
/// rank's.
std::optional<LimitFactors> limit_for(const ExactRun& run, const Ranks& ranks) {
    std::optional<LimitFactors> limit = run.limit;
    ranks.at_first([&] {
        if (!limit)
            limit = cheap_limit(*run.backend, run.dataset, [](const char* doing) {
                stop_where_asked(InterruptGuard::stop_requested(), doing);
            });
    });
    return limit;
}

class PathRun {
  public:
    PathRun(ExactRun& run, const Ranks& ranks)
        : ranks_(ranks),
          config_(run.config),
          dataset_(run.dataset),
          backend_(*run.backend),
          sums_(config_.shards, &ranks.team()),
          solver_(backend_, dataset_, config_.lambdas, config_.tolerance, ThresholdBy::prediction,
                  sums_.get()),
          meter_(meter_of(run, ranks)),
          folder_(shared_folder(ranks, run)) {
        double before = 0;
        folder_.read_newest_checkpoint([&](const std::filesystem::path& path, const SafetensorsFile& file) {
            std::int64_t milliseconds = 0;
            const PathSolver::State saved = read_on_all(ranks_, path, [&] {
                PathSolver::State state;
                state.point = static_cast<std::size_t>(metadata_number(file, path, "point"));
                state.iterations = metadata_number(file, path, "iterations");
                milliseconds = metadata_number(file, path, "milliseconds");
                state.rho = file.read<double>("rho", 1).at(0);
                state.y = file.read<double>("y", 2);
                state.x = file.read<double>("x", 2);
                state.current = file.read<double>("current", 2);
                state.previous = file.read<double>("previous", 2);
                return state;
            });
            solver_.restore(saved);
            before = static_cast<double>(milliseconds) / 1000;
        });
        if (meter_)
            meter_->call_between_parts([this] {
                if (ranks_.size() == 1) return stop_where_asked();
                // The others wait for the record: what is asked for is done once they have heard of it.
                if (InterruptGuard::stop_requested()) throw RecordLeft();
            });
        ranks_.at_first([&] { folder_.keep_metrics(static_cast<std::int64_t>(solver_.point())); });
        clock_ = WorkClock(before);
    }

    void run() {
        folder_.log(fmt::format("path from point {} of {}{}", solver_.point() + 1, config_.lambdas.size(),
                                shards_text(config_.shards, ranks_, config_.device)));
        if (ranks_.size() > 1) return work();
        saving_where_memory_ends(
            folder_, [this] { work(); }, [this] { checkpoint(); });
    }

  private:
    static std::unique_ptr<FigureMeter> meter_of(const ExactRun& run, const Ranks& ranks) {
        const std::optional<LimitFactors> limit = limit_for(run, ranks);
        if (!ranks.is_first()) return nullptr;
        return std::make_unique<FigureMeter>(*run.backend, run.dataset, limit ? &*limit : nullptr);
    }

    void work() {
        Progress progress(0, ranks_.is_first());
        while (true) {
            if (solver_.advance()) {
                try {
                    finish_point();
                } catch (const RecordLeft&) {
                    asked_.agree();
                    stop_where_asked();
                    continue;
                }
                if (solver_.point() + 1 == config_.lambdas.size()) break;
                solver_.next_point();
            }
            progress.show(fmt::format("point {} of {}, lambda {:.1e}, iteration {}", solver_.point() + 1,
                                      config_.lambdas.size(), solver_.lambda(), solver_.iterations()));
            asked_.agree();
            stop_where_asked();
            const bool asked = asked_.take_checkpoint();
            if (asked || asked_.clock()) checkpoint();
            if (asked) folder_.log(fmt::format("checkpoint at {}, as SIGUSR1 asked", place()));
        }
        folder_.log("done");
    }

    void finish_point() {
        const PathCertificate& certificate = *solver_.last();
        const SingularFactors factors = solver_.factors();
        const bool last = solver_.point() + 1 == config_.lambdas.size();
        record_at_first(ranks_.team(), [&] {
            folder_.append_metrics(measure_point(*meter_, backend_, dataset_, certificate, factors,
                                                 static_cast<std::int64_t>(solver_.point()),
                                                 clock_.elapsed()));
        });
        if (!config_.save_points && !last) return;
        const bool with_bound = dataset_.vocab_size * dataset_.contexts() <= most_bound_logits;
        const std::vector<double> logits = with_bound ? solver_.bound_logits() : std::vector<double>{};
        const auto write = [&](const std::string& name) {
            write_factors(folder_.path() / name, factors, dataset_,
                          {{"format", "ntpgeo.result.1"},
                           {"step", std::to_string(solver_.point())},
                           {"lambda", fmt::format("{}", certificate.lambda)},
                           {"finished", "true"}},
                          with_bound ? &logits : nullptr);
        };
        ranks_.at_first([&] {
            if (config_.save_points) write(fmt::format("point-{:06}.safetensors", solver_.point()));
            if (last) write("result.safetensors");
        });
    }

    void checkpoint() {
        const PathSolver::State state = solver_.state();
        const std::vector<double> rho = {state.rho};
        const std::vector<std::int64_t> shape = {
            static_cast<std::int64_t>(state.y.size()) / dataset_.vocab_size, dataset_.vocab_size};
        // The number orders checkpoints: no point takes ten million iterations.
        ranks_.at_first([&] {
            folder_.write_checkpoint(
                static_cast<std::int64_t>(state.point) * 10'000'000 + state.iterations,
                {tensor_to_write("rho", {1}, rho), tensor_to_write("y", shape, state.y),
                 tensor_to_write("x", shape, state.x), tensor_to_write("current", shape, state.current),
                 tensor_to_write("previous", shape, state.previous)},
                {{"format", "ntpgeo.checkpoint.1"},
                 {"point", std::to_string(state.point)},
                 {"iterations", std::to_string(state.iterations)},
                 {"milliseconds", std::to_string(static_cast<std::int64_t>(clock_.elapsed() * 1000))}},
                kept_checkpoints);
        });
        clock_.checkpoint_written();
    }

    [[nodiscard]] std::string place() const {
        return fmt::format("point {} of {}, iteration {}", solver_.point() + 1, config_.lambdas.size(),
                           solver_.iterations());
    }

    void stop_where_asked() {
        const auto request = asked_.stop();
        if (!request) return;
        checkpoint();
        const std::string what = fmt::format("{} at {}", request->words, place());
        folder_.log(what);
        Ranks::end_together();
        throw Interrupted(
            fmt::format("{}; go on with: ntpgeo path -o {} --resume", what, printable(folder_.path())),
            request->exit_status);
    }

    const Ranks& ranks_;
    const ExactConfig& config_;
    const Dataset& dataset_;
    Backend& backend_;
    ExactSums sums_;
    PathSolver solver_;                   // refuses what is wrong before L_mm is solved for
    std::unique_ptr<FigureMeter> meter_;  // the first rank's
    RunFolder& folder_;                   // made once the solver has found nothing wrong
    WorkClock clock_{0};
    Asked asked_{ranks_, [this] { return clock_.checkpoint_due(); }};
};

std::vector<Record> records_of(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "metrics.jsonl";
    std::vector<Record> records;
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
        std::optional<Record> record = parse_record(line);
        if (!record) throw InputError(printable(file) + ": has a line that is no record");
        records.push_back(std::move(*record));
    }
    return records;
}

}  // namespace

PathSummary finished_path(const std::filesystem::path& folder) {
    return {records_of(folder), true};
}

PathSummary run_path(ExactRun& run, const Ranks& ranks) {
    run.recording_failure([&] {
        require_exact_room(ExactProblem::path, run, ranks);
        ending_together([&] {
            if (!run.stored) {  // a run that was begun had a tolerance that can be certified
                const ExactSums sums(run.config.shards, &ranks.team());
                Asked asked(ranks, [] { return false; });
                const auto between = [&](const char* doing) {
                    asked.agree();
                    if (asked.stop()) Ranks::end_together();
                    stop_where_asked(asked.stop(), doing);
                };
                require_certifiable(*run.backend, run.dataset, run.config.lambdas, run.config.tolerance,
                                    between, sums.get());
            }
            PathRun(run, ranks).run();
        });
    });
    return ranks.is_first() ? PathSummary{records_of(run.output()), false} : PathSummary{};
}

}  // namespace ntpgeo
