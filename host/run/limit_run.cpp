// The body of `ntpgeo limit`.

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "engine/runs/exact.hpp"
#include "host/files/file_error.hpp"
#include "host/run/asked.hpp"
#include "host/run/exact_ranks.hpp"
#include "host/run/newest_whole.hpp"
#include "host/run/run_files.hpp"
#include "host/run/run_inputs.hpp"
#include "host/run/runs.hpp"
#include "host/run/shared_run.hpp"
#include "host/terminal/interruption.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

class LimitRun {
  public:
    LimitRun(ExactRun& run, const Ranks& ranks)
        : ranks_(ranks),
          config_(run.config),
          dataset_(run.dataset),
          sums_(run.config.shards, &ranks.team()),
          solver_(*run.backend, run.dataset, run.config.tolerance, LimitSolver::most_newton_iterations,
                  ThresholdBy::prediction, sums_.get()),
          folder_(shared_folder(ranks, run)) {
        double before = 0;
        folder_.read_newest_checkpoint([&](const fs::path& path, const SafetensorsFile& file) {
            const Saved saved = read_on_all(ranks_, path, [&] {
                return Saved{saved_state(file, path), metadata_number(file, path, "records"),
                             metadata_number(file, path, "milliseconds")};
            });
            solver_.restore(saved.state);
            records_ = saved.records;
            before = static_cast<double>(saved.milliseconds) / 1000;
        });
        ranks_.at_first([&] { folder_.keep_metrics(records_); });
        clock_ = WorkClock(before);
    }

    LimitSummary run() {
        folder_.log(fmt::format("limit from iteration {}{}", solver_.iterations(),
                                shards_text(config_.shards, ranks_, config_.device)));
        if (ranks_.size() > 1) return work();
        return saving_where_memory_ends(
            folder_, [this] { return work(); }, [this] { checkpoint(); });
    }

  private:
    struct Saved {
        LimitSolver::State state;
        std::int64_t records = 0, milliseconds = 0;
    };

    LimitSummary work() {
        Progress progress(0, ranks_.is_first());
        while (!solver_.ended()) {
            solver_.advance();
            advanced_ = true;
            asked_.agree();
            if (const auto request = asked_.stop()) stop(*request);
            if (solver_.ended()) break;  // the last record is the result's own
            note(progress);
            const bool asked = asked_.take_checkpoint();
            if (asked || asked_.clock()) checkpoint();
            if (asked)
                folder_.log(
                    fmt::format("checkpoint at iteration {}, as SIGUSR1 asked", solver_.iterations()));
        }
        const bool reached = solver_.finished(), final = reached || solver_.at_rest();
        write_result(final);
        if (!final) checkpoint();
        folder_.log(reached ? fmt::format("done after {} iterations", solver_.iterations())
                    : final
                        ? fmt::format("done after {} iterations: fp64 steps no longer lower the residual",
                                      solver_.iterations())
                        : fmt::format("stopped after {} iterations at a gap of {:.2e}", solver_.iterations(),
                                      rounded_up(*solver_.best()->relative_gap, 3)));
        return {last_, reached, solver_.at_rest(), false};
    }

    void note(Progress& progress) {
        const auto& newest = solver_.newest();
        if (newest && newest->iterations == solver_.iterations()) record(*solver_.best());
        const auto& best = solver_.best();
        progress.show(fmt::format("iteration {}, relative gap {}", solver_.iterations(),
                                  best && best->relative_gap
                                      ? fmt::format("{:.2e}", rounded_up(*best->relative_gap, 3))
                                      : std::string("not known yet")));
    }

    void record(const LimitCertificate& certificate) {
        last_ = limit_record(certificate, solver_.proxy(), clock_.elapsed());
        if (ranks_.is_first()) folder_.append_metrics(last_);
        ++records_;
    }

    // The solver's numbers as the tensor `solver` holds them.
    static std::vector<double> numbers(const LimitSolver::State& state) {
        const SmoothedNewton::State newton = state.newton.value_or(SmoothedNewton::State{});
        const LimitCertificate best = state.best.value_or(LimitCertificate{});
        return {state.rho,
                newton.rho,
                newton.nu,
                newton.in_fp64 ? 1.0 : 0.0,
                best.nuclear_norm,
                best.bound.value_or(0),
                static_cast<double>(best.rank),
                best.proxy_alignment.value_or(0)};
    }

    static LimitSolver::State saved_state(const SafetensorsFile& file, const fs::path& path) {
        LimitSolver::State state;
        state.iterations = metadata_number(file, path, "iterations");
        state.y = file.read<double>("state", 2);
        if (!file.has("solver")) return state;  // as earlier versions wrote them
        const std::vector<double> saved = file.read<double>("solver", 1);
        if (saved.size() != numbers({}).size())
            throw InputError(fmt::format("{}: its tensor 'solver' has {} numbers, not {}", printable(path),
                                         saved.size(), numbers({}).size()));
        state.rho = saved[0];
        if (saved[1] > 0) state.newton = {saved[1], saved[2], saved[3] != 0};
        if (!(saved[4] > 0)) return state;
        state.best = {state.iterations,
                      saved[4],
                      saved[5],
                      (saved[4] - saved[5]) / saved[4],
                      static_cast<std::int64_t>(saved[6]),
                      saved[7]};
        state.best_point = file.read<double>("best", 2);
        return state;
    }

    void checkpoint() {
        const LimitSolver::State state = solver_.state();
        const std::vector<double> solver = numbers(state);
        const std::vector<std::int64_t> shape = {
            static_cast<std::int64_t>(state.y.size()) / dataset_.vocab_size, dataset_.vocab_size};
        std::vector<TensorToWrite> tensors = {
            tensor_to_write("state", shape, state.y),
            tensor_to_write("solver", {static_cast<std::int64_t>(solver.size())}, solver)};
        if (state.best) tensors.push_back(tensor_to_write("best", shape, state.best_point));
        ranks_.at_first([&] {
            folder_.write_checkpoint(
                solver_.iterations(), tensors,
                {{"format", "ntpgeo.checkpoint.1"},
                 {"iterations", std::to_string(solver_.iterations())},
                 {"records", std::to_string(records_)},
                 {"milliseconds", std::to_string(static_cast<std::int64_t>(clock_.elapsed() * 1000))}},
                kept_checkpoints);
        });
        clock_.checkpoint_written();
    }

    // Writes the result, and the record that is its own.
    void write_result(bool finished) {
        const SingularFactors factors = solver_.factors();
        ranks_.at_first([&] {
            write_factors(folder_.path() / result_name, factors, dataset_,
                          {{"format", "ntpgeo.result.1"},
                           {"relative_gap", fmt::format("{}", solver_.best()->relative_gap.value_or(0))},
                           {"step", std::to_string(solver_.best()->iterations)},
                           {"finished", finished ? "true" : "false"}});
        });
        // What ended when it was restored has that record already.
        if (advanced_ || records_ == 0)
            record(*solver_.best());
        else
            last_ = limit_record(*solver_.best(), solver_.proxy(), clock_.elapsed());
    }

    [[noreturn]] void stop(const StopRequest& request) {
        if (!solver_.newest() || solver_.newest()->iterations != solver_.iterations()) solver_.advance(true);
        write_result(false);
        checkpoint();
        const double gap = *solver_.best()->relative_gap;
        const std::string what = fmt::format("{} at iteration {}", request.words, solver_.iterations());
        folder_.log(what);
        Ranks::end_together();
        throw Interrupted(
            fmt::format(
                "{} with a relative gap of {:.2e}, whose point is the result so far; go on with: ntpgeo "
                "limit -o {} --resume",
                what, rounded_up(gap, 3), printable(folder_.path())),
            request.exit_status);
    }

    const Ranks& ranks_;
    const ExactConfig& config_;
    const Dataset& dataset_;
    ExactSums sums_;
    LimitSolver solver_;
    RunFolder& folder_;  // made once the solver has found nothing wrong
    WorkClock clock_{0};
    Asked asked_{ranks_, [this] { return clock_.checkpoint_due(); }};
    std::int64_t records_ = 0;
    bool advanced_ = false;  // by this process
    Record last_;
};

}  // namespace

std::string proxy_verdict(const Record& record) {
    const double proxy_norm = record.number("proxy_nuclear_norm").value(),
                 norm = record.number("nuclear_norm").value(),
                 violations = record.number("proxy_sign_violations").value();
    switch (judge_proxy({proxy_norm, violations}, norm, record.number("relative_gap").value())) {
        case ProxyVerdict::is_limit:
            return "the centred support matrix is exactly L_mm: its polar factor proves it";
        case ProxyVerdict::is_longer:
            return fmt::format("the centred support matrix is not L_mm: its nuclear norm is {:.2g} % greater",
                               100 * (proxy_norm / norm - 1));
        case ProxyVerdict::unproven:
            break;
    }
    return fmt::format(
        "{:.1f} % of the off-support signs of its polar factor are wrong: no proof that the centred support "
        "matrix is L_mm",
        100 * violations);
}

LimitSummary run_limit(ExactRun& run, const Ranks& ranks) {
    return run.recording_failure([&] {
        require_exact_room(ExactProblem::limit, run, ranks);
        return ending_together([&] { return LimitRun(run, ranks).run(); });
    });
}

}  // namespace ntpgeo
