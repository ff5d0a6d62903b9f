// The body of `ntpgeo limit`.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "host/files/file_error.hpp"
#include "host/run/device.hpp"
#include "host/run/newest_whole.hpp"
#include "host/run/run_files.hpp"
#include "host/run/run_inputs.hpp"
#include "host/run/runs.hpp"
#include "host/terminal/interruption.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

class LimitRun {
  public:
    explicit LimitRun(ExactRun& run)
        : dataset_(run.dataset),
          solver_(*run.backend, run.dataset, run.config.tolerance),
          folder_(run.folder()) {
        double before = 0;
        folder_.read_newest_checkpoint([&](const fs::path& path, const SafetensorsFile& file) {
            const std::int64_t iterations = metadata_number(file, path, "iterations"),
                               milliseconds = metadata_number(file, path, "milliseconds");
            records_ = metadata_number(file, path, "records");
            solver_.restore(iterations, file.read<double>("state", 2));
            before = static_cast<double>(milliseconds) / 1000;
        });
        folder_.keep_metrics(records_);
        if (solver_.iterations() > 0)
            read_if_whole(folder_.path() / result_name, [&](const fs::path&, const SafetensorsFile& file) {
                gap_before_ = file.metadata_number<double>("relative_gap");
            });
        clock_ = WorkClock(before);
    }

    LimitSummary run() {
        Progress progress(0);
        folder_.log(fmt::format("limit from iteration {}", solver_.iterations()));
        if (solver_.finished()) record(*solver_.best());  // every support is full
        while (!solver_.finished() && !solver_.stalled()) {
            solver_.advance();
            note(progress);
            if (const auto request = InterruptGuard::stop_requested()) stop(*request);
            const bool asked = InterruptGuard::take_checkpoint_request();
            if (asked || clock_.checkpoint_due()) checkpoint();
            if (asked)
                folder_.log(
                    fmt::format("checkpoint at iteration {}, as SIGUSR1 asked", solver_.iterations()));
        }
        write_result(true);
        const bool reached = solver_.finished();
        folder_.log(fmt::format("done after {} iterations{}", solver_.iterations(),
                                reached ? "" : ", where the gap falls no further"));
        // Where the gap came to rest the result is not of the last certificate.
        if (!reached) last_ = limit_record(*solver_.best(), solver_.proxy(), clock_.elapsed());
        return {last_, reached, false};
    }

  private:
    void note(Progress& progress) {
        const auto& newest = solver_.newest();
        if (newest && newest->iterations == solver_.iterations()) record(*newest);
        progress.show(fmt::format("iteration {}, relative gap {}", solver_.iterations(),
                                  newest && newest->relative_gap
                                      ? fmt::format("{:.2e}", rounded_up(*newest->relative_gap, 3))
                                      : std::string("not known yet")));
    }

    void record(const LimitCertificate& certificate) {
        last_ = limit_record(certificate, solver_.proxy(), clock_.elapsed());
        folder_.append_metrics(last_);
        ++records_;
    }

    void checkpoint() {
        const std::vector<double> state = solver_.state();
        folder_.write_checkpoint(
            solver_.iterations(),
            {tensor_to_write(
                "state", {static_cast<std::int64_t>(state.size()) / dataset_.vocab_size, dataset_.vocab_size},
                state)},
            {{"format", "ntpgeo.checkpoint.1"},
             {"iterations", std::to_string(solver_.iterations())},
             {"records", std::to_string(records_)},
             {"milliseconds", std::to_string(static_cast<std::int64_t>(clock_.elapsed() * 1000))}},
            kept_checkpoints);
        clock_.checkpoint_written();
    }

    void write_result(bool finished) {
        const SingularFactors factors = solver_.factors();
        write_factors(folder_.path() / result_name, factors, dataset_,
                      {{"format", "ntpgeo.result.1"},
                       {"relative_gap", fmt::format("{}", solver_.best()->relative_gap.value_or(0))},
                       {"step", std::to_string(solver_.best()->iterations)},
                       {"finished", finished ? "true" : "false"}});
    }

    [[noreturn]] void stop(const StopRequest& request) {
        if (!solver_.newest() || solver_.newest()->iterations != solver_.iterations()) {
            solver_.advance(true);
            record(*solver_.newest());
        }
        checkpoint();
        // A resumed run begins without the best point before it, which stays the result while it is the
        // better one.
        const double gap = *solver_.best()->relative_gap;
        if (!gap_before_ || gap < *gap_before_) write_result(false);
        const std::string what = fmt::format("{} at iteration {}", request.words, solver_.iterations());
        folder_.log(what);
        throw Interrupted(
            fmt::format(
                "{} with a relative gap of {:.2e}, whose point is the result so far; go on with: ntpgeo "
                "limit -o {} --resume",
                what, rounded_up(std::min(gap, gap_before_.value_or(gap)), 3), printable(folder_.path())),
            request.exit_status);
    }

    const Dataset& dataset_;
    LimitSolver solver_;
    RunFolder& folder_;  // made once the solver has found nothing wrong
    WorkClock clock_{0};
    std::int64_t records_ = 0;
    std::optional<double> gap_before_;  // of the result of an earlier stop
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

LimitSummary run_limit(ExactRun& run) {
    if (run.is_finished()) return {{}, true, true};
    require_memory(*run.backend,
                   LimitSolver::bytes(support_classes(run.dataset).count(), run.dataset.vocab_size), "limit");
    return run.recording_failure([&] { return LimitRun(run).run(); });
}

}  // namespace ntpgeo
