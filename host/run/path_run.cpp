// The body of `ntpgeo path`.

#include <fmt/format.h>

#include <sstream>

#include "engine/geometry/figures.hpp"
#include "engine/runs/exact.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/run/record.hpp"
#include "host/run/run_inputs.hpp"
#include "host/run/runs.hpp"
#include "host/terminal/interruption.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// Up to this many logits a point's file holds the X of its bound too (design 2.2).
constexpr std::int64_t most_bound_logits = 10'000'000;

/// Throws Interrupted where a signal or the time limit asks for the end of a run that has no point yet.
void stop_where_asked(const char* doing) {
    if (const auto request = InterruptGuard::stop_requested())
        throw Interrupted(
            fmt::format("{} while {}, before any point; give the same command again", request->words, doing),
            request->exit_status);
}

/// The L_mm to measure against: the given one, or solved where that is cheap; none otherwise.
std::optional<LimitFactors> limit_for(const ExactRun& run) {
    return run.limit ? run.limit : cheap_limit(*run.backend, run.dataset, stop_where_asked);
}

const LimitFactors* address(const std::optional<LimitFactors>& limit) {
    return limit ? &*limit : nullptr;
}

class PathRun {
  public:
    explicit PathRun(ExactRun& run)
        : config_(run.config),
          dataset_(run.dataset),
          backend_(*run.backend),
          solver_(backend_, dataset_, config_.lambdas, config_.tolerance),
          meter_(backend_, dataset_, address(limit_for(run))),
          folder_(run.folder()) {
        double before = 0;
        folder_.read_newest_checkpoint([&](const std::filesystem::path& path, const SafetensorsFile& file) {
            PathSolver::State state;
            state.point = static_cast<std::size_t>(metadata_number(file, path, "point"));
            state.iterations = metadata_number(file, path, "iterations");
            const std::int64_t milliseconds = metadata_number(file, path, "milliseconds");
            state.rho = file.read<double>("rho", 1).at(0);
            state.y = file.read<double>("y", 2);
            state.x = file.read<double>("x", 2);
            state.current = file.read<double>("current", 2);
            state.previous = file.read<double>("previous", 2);
            solver_.restore(state);
            before = static_cast<double>(milliseconds) / 1000;
        });
        meter_.call_between_parts([this] { stop_where_asked(); });
        folder_.keep_metrics(static_cast<std::int64_t>(solver_.point()));
        clock_ = WorkClock(before);
    }

    void run() {
        folder_.log(fmt::format("path from point {} of {}", solver_.point() + 1, config_.lambdas.size()));
        saving_where_memory_ends(
            folder_, [this] { work(); }, [this] { checkpoint(); });
    }

  private:
    void work() {
        Progress progress(0);
        while (true) {
            if (solver_.advance()) {
                finish_point();
                if (solver_.point() + 1 == config_.lambdas.size()) break;
                solver_.next_point();
            }
            progress.show(fmt::format("point {} of {}, lambda {:.1e}, iteration {}", solver_.point() + 1,
                                      config_.lambdas.size(), solver_.lambda(), solver_.iterations()));
            stop_where_asked();
            const bool asked = InterruptGuard::take_checkpoint_request();
            if (asked || clock_.checkpoint_due()) checkpoint();
            if (asked) folder_.log(fmt::format("checkpoint at {}, as SIGUSR1 asked", place()));
        }
        folder_.log("done");
    }

    void finish_point() {
        const PathCertificate& certificate = *solver_.last();
        const SingularFactors factors = solver_.factors();
        const bool last = solver_.point() + 1 == config_.lambdas.size();
        folder_.append_metrics(measure_point(meter_, backend_, dataset_, certificate, factors,
                                             static_cast<std::int64_t>(solver_.point()), clock_.elapsed()));
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
        if (config_.save_points) write(fmt::format("point-{:06}.safetensors", solver_.point()));
        if (last) write("result.safetensors");
    }

    void checkpoint() {
        const PathSolver::State state = solver_.state();
        const std::vector<double> rho = {state.rho};
        const std::vector<std::int64_t> shape = {
            static_cast<std::int64_t>(state.y.size()) / dataset_.vocab_size, dataset_.vocab_size};
        // The number orders checkpoints: no point takes ten million iterations.
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
        clock_.checkpoint_written();
    }

    [[nodiscard]] std::string place() const {
        return fmt::format("point {} of {}, iteration {}", solver_.point() + 1, config_.lambdas.size(),
                           solver_.iterations());
    }

    void stop_where_asked() {
        const auto request = InterruptGuard::stop_requested();
        if (!request) return;
        checkpoint();
        const std::string what = fmt::format("{} at {}", request->words, place());
        folder_.log(what);
        throw Interrupted(
            fmt::format("{}; go on with: ntpgeo path -o {} --resume", what, printable(folder_.path())),
            request->exit_status);
    }

    const ExactConfig& config_;
    const Dataset& dataset_;
    Backend& backend_;
    PathSolver solver_;  // refuses what is wrong before L_mm is solved for
    FigureMeter meter_;
    RunFolder& folder_;  // made once the solver has found nothing wrong
    WorkClock clock_{0};
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

PathSummary run_path(ExactRun& run) {
    if (run.is_finished()) return finished_path(run.output());
    require_room(ExactProblem::path, *run.backend, run.dataset);
    if (!run.stored)  // a run that was begun had a tolerance that can be certified
        require_certifiable(*run.backend, run.dataset, run.config.lambdas, run.config.tolerance,
                            stop_where_asked);
    run.recording_failure([&] { PathRun(run).run(); });
    return {records_of(run.output()), false};
}

}  // namespace ntpgeo
