// --dry-run: what a run would take, before it takes it; and where its bytes would go.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/runs/exact.hpp"
#include "host/run/config.hpp"

namespace ntpgeo {

/// Bytes of one stage.
struct StageMemory {
    std::int64_t gradient = 0;
    std::int64_t optimizer = 0;  ///< its state and what it works in
    LossStepSize loss_step;
    std::int64_t checkpoint = 0;  ///< W, H and the state that is saved: the file, and its copy on the host

    std::int64_t batch = 0;   ///< a batch's labels and what it trains, beside the parameters
    std::int64_t shards = 0;  ///< in the loss step's place: loss calls and sums of shards, of one rank

    [[nodiscard]] std::int64_t device() const {
        return gradient + optimizer + batch + loss_step.bytes + shards;
    }
};

/// Bytes of a run, on the device where nothing else is said.
struct MemoryPlan {
    std::int64_t labels = 0, parameters = 0;
    std::int64_t metrics = 0, metrics_host = 0;
    std::vector<StageMemory> stages;
    bool host_is_device = false;  ///< on the CPU the host's share counts as well

    /// The most that the stage at `index` has in memory at once.
    [[nodiscard]] std::int64_t peak(std::size_t index) const;
    /// The index of the stage with the highest peak.
    [[nodiscard]] std::size_t largest_stage() const;
};

/// The plan of a resolved configuration; `limit_rank` is that of L_mm's factors, 0 without. Takes no memory
/// for it but, for a moment, that of a batch's labels.
MemoryPlan plan_memory(const RunConfig& config, const Dataset& dataset, const LabelsView& labels,
                       Backend& backend, std::int64_t limit_rank = 0);

/// Throws InputError where the memory that is free does not suffice for the plan. `backend` is the CPU.
void require_room(const RunConfig& config, const Dataset& dataset, Backend& backend,
                  std::int64_t limit_rank = 0);

/// Prints where the bytes of the run would go, stage by stage, and times a step of each stage from the run's
/// initial values. Writes no file. `config` is resolved for `backend`. Throws InputError where the memory
/// that is free does not suffice, after the table and before any step. `limit_rank` is that of L_mm's
/// factors, 0 without.
void rehearse(const RunConfig& config, const Dataset& dataset, Backend& backend, std::int64_t limit_rank = 0);

/// The same of limit or path, with the time of an iteration; how many there will be is not known beforehand.
void rehearse(ExactProblem problem, const ExactConfig& config, const Dataset& dataset, Backend& backend);

/// Lines of a rehearsal: the data set and the device, and bytes.
void print_problem(const Dataset& dataset, const std::string& device, std::int64_t free);
void print_bytes(const std::string& what, std::int64_t bytes, const std::string& note = "");

}  // namespace ntpgeo
