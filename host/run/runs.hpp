// The bodies of the verbs that have runs. Each takes an opened run from its newest checkpoint, or from its
// beginning, to its result, and writes metrics and checkpoints on the way. Each needs an InterruptGuard and
// heeds it after every step and iteration: it throws Interrupted where a stop was asked for, with a
// checkpoint written, and writes one where one was asked for. Each throws Failure where it goes wrong; where
// device memory ran out, with a checkpoint of the state before, and where the device is lost without: both
// name the newest checkpoint and the command that goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/geometry/record.hpp"
#include "engine/training/trainer.hpp"
#include "host/ranks/ranks.hpp"
#include "host/run/config.hpp"
#include "host/run/open_run.hpp"

namespace ntpgeo {

/// Seconds of work, those of the processes before this one included; and whether a checkpoint is due.
class WorkClock {
  public:
    /// `before` seconds are done already; a checkpoint is due `between` seconds after the last one.
    explicit WorkClock(double before, double between = 60)
        : before_(before), between_(between), start_(Clock::now()), checkpoint_(start_) {}
    [[nodiscard]] double elapsed() const { return before_ + since(start_); }
    [[nodiscard]] bool checkpoint_due() const { return since(checkpoint_) >= between_; }
    void checkpoint_written() { checkpoint_ = Clock::now(); }

  private:
    using Clock = std::chrono::steady_clock;
    static double since(Clock::time_point then) {
        return std::chrono::duration<double>(Clock::now() - then).count();
    }
    double before_, between_;
    Clock::time_point start_, checkpoint_;
};

/// How a run stands when it ends.
struct RunSummary {
    Position position;
    std::string at_rest;        ///< what is to be said of a gradient of exactly 0, where it ended at one
    bool was_finished = false;  ///< there was nothing left to do
    Record first, last;         ///< its first and last records; empty where `was_finished`
};

/// What there is to say of a run whose result is the last that its configuration asks for; nullopt of others.
std::optional<RunSummary> finished_training(const RunFolder& folder, const RunConfig& config);

/// Checkpoints are written at the end of each stage, too. Throws Failure for a non-finite loss, naming the
/// last good checkpoint. `profiled_steps`: of how many updates the parts are measured (StepProfiler). All
/// ranks call it; the first alone writes records and says anything, and the others' summary is of no record.
RunSummary run_training(OpenRun<RunConfig>& run, const Ranks& ranks, std::int64_t profiled_steps = 0);

using ExactRun = OpenRun<ExactConfig>;

/// How many checkpoints limit and path keep: the newest, and one should that be damaged.
inline constexpr std::int64_t kept_checkpoints = 2;

struct LimitSummary {
    Record record;         ///< the result's certificate; empty where the run had been finished before
    bool reached = false;  ///< whether the tolerance was reached
    bool at_rest = false;  ///< whether it was not and there is nothing to go on with
    bool was_finished = false;
};

/// What such a record, of a data set whose supports are not all full, proves of the proxy S̃, in a clause.
std::string proxy_verdict(const Record& record);

/// Runs to the tolerance. After a signal the best point so far is the result. All ranks call it, as they do
/// the next; the first alone has records, and says anything.
LimitSummary run_limit(ExactRun& run, const Ranks& ranks);

struct PathSummary {
    std::vector<Record> records;  ///< one a λ, those of earlier processes included
    bool was_finished = false;
};

/// Of a finished run.
PathSummary finished_path(const std::filesystem::path& folder);

/// Walks the whole grid, and writes the last point as result.
PathSummary run_path(ExactRun& run, const Ranks& ranks);

}  // namespace ntpgeo
