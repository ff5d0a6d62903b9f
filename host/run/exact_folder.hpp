// What the runs of the exact solvers share: results as factors, checkpoints of dense states, time and
// interruption.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/exact/threshold.hpp"
#include "engine/geometry/limit_geometry.hpp"
#include "host/run/exact_config.hpp"
#include "host/run/progress.hpp"
#include "host/run/run_folder.hpp"

namespace ntpgeo {

/// Whether a run's folder holds a result that its solver called final.
bool holds_final_result(const std::filesystem::path& folder);

/// A run of an exact solver whose arguments are checked. A new run's folder is made when it is first asked
/// for, after everything else has been found right.
class ExactRun {
  public:
    ExactRun(ExactConfig settings, Dataset data, std::optional<LimitFactors> given_limit,
             std::filesystem::path output, bool resume);

    const ExactConfig config;
    const Dataset dataset;
    const std::optional<LimitFactors> limit;  ///< the path's --limit
    const std::unique_ptr<Backend> backend;
    /// The folder, locked.
    RunFolder& folder();
    [[nodiscard]] bool is_finished() const { return folder_ && holds_final_result(output_); }
    [[nodiscard]] const std::filesystem::path& output() const { return output_; }

  private:
    std::filesystem::path output_;
    std::optional<RunFolder> folder_;
};

/// Writes W [V, r], H [m, r] and sigma [r] (design 2.2), and what else is given, atomically.
void write_factors(const std::filesystem::path& file, const SingularFactors& factors, const Dataset& dataset,
                   const std::map<std::string, std::string>& metadata,
                   const std::vector<double>* bound_logits = nullptr);

/// A whole number from a file's metadata. Throws InputError where there is none.
std::int64_t metadata_number(const SafetensorsFile& file, const std::filesystem::path& path, const char* key);

/// Seconds of work, those of the processes before this one included; and whether a checkpoint is due.
class WorkClock {
  public:
    explicit WorkClock(double before) : before_(before), start_(Clock::now()), checkpoint_(start_) {}
    [[nodiscard]] double elapsed() const { return before_ + since(start_); }
    [[nodiscard]] bool checkpoint_due() const { return since(checkpoint_) >= 60; }
    void checkpoint_written() { checkpoint_ = Clock::now(); }

  private:
    using Clock = std::chrono::steady_clock;
    static double since(Clock::time_point then) {
        return std::chrono::duration<double>(Clock::now() - then).count();
    }
    double before_;
    Clock::time_point start_, checkpoint_;
};

/// Throws InputError where the backend lacks the memory, saying what is needed and what is free.
void require_memory(Backend& backend, std::int64_t bytes, const std::string& what);

}  // namespace ntpgeo
