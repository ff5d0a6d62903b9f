// `train --profile N`: what the parts of N updates take, one update after the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/training/objective.hpp"
#include "engine/training/trainer.hpp"
#include "host/run/run_folder.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// A part of an update: what it is, how often it comes and the seconds it takes in one.
struct StepPart {
    std::string name;
    double calls_per_step = 0, seconds = 0;
};

/// The parts of an update by what a backend has measured of `updates` of them, which took `seconds` each:
/// products, stream passes and the other passes of the loss step, the update of the parameters, and the rest.
/// Together they come to `seconds`.
std::vector<StepPart> parts_of_step(const std::vector<RegionTime>& measured, std::int64_t updates,
                                    double seconds);

/// Measures the first `updates` updates of a call from its third on, as many of them as the stage has, and
/// writes RUN/profile.json and a table in the log. Each is waited for, and on a GPU its work is queued piece
/// by piece, so that they take longer than others; the bits are the same.
class StepProfiler {
  public:
    /// None where `updates` is 0.
    StepProfiler(Backend& backend, const RunFolder& folder, const ModelShape& shape, std::int64_t updates)
        : backend_(backend), folder_(folder), shape_(shape), wanted_(updates) {}
    StepProfiler(const StepProfiler&) = delete;
    StepProfiler& operator=(const StepProfiler&) = delete;

    /// Makes the trainer's next update.
    void advance(Trainer& trainer);
    /// Writes what has been measured where the updates, or those of their stage, end before there are enough.
    void end(const Trainer& trainer);

  private:
    void write(const Trainer& trainer);

    Backend& backend_;
    const RunFolder& folder_;
    ModelShape shape_;
    std::int64_t wanted_;
    std::int64_t before_ = 2;  // updates until it begins: libraries load, graphs are recorded
    std::int64_t stage_ = 0, first_step_ = 0, measured_ = 0;
    double seconds_ = 0;
    std::vector<RegionTime> times_ = std::vector<RegionTime>(region_count);
};

}  // namespace ntpgeo
