#include "host/run/rehearsal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "engine/exact/training_certificate.hpp"
#include "engine/geometry/figures.hpp"
#include "engine/machine/memory.hpp"
#include "engine/machine/seconds.hpp"
#include "engine/runs/record_cost.hpp"
#include "engine/runs/shared_pass.hpp"
#include "engine/training/batch.hpp"
#include "engine/training/shared_objective.hpp"
#include "engine/training/trainer.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// A first step that takes this long is time enough; a second one need not confirm it.
constexpr double long_step_s = 10;

void print_run(const RunConfig& config, const Dataset& dataset, const MemoryPlan& plan, std::int64_t free) {
    const TrainingSettings& training = config.training;
    print_problem(dataset, config.device, free);
    print_bytes("labels", plan.labels);
    print_bytes("parameters", plan.parameters,
                fmt::format("W [{}, {}], H [{}, {}] in {}", dataset.vocab_size, training.dim,
                            dataset.contexts(), training.dim, name_of(training.master)));
    print_bytes("metrics", plan.metrics, "at most, from the first record on");
}

void print_stage(const Stage& stage, const StageMemory& memory, std::int64_t peak, const RunConfig& config) {
    print_bytes("  gradient", memory.gradient,
                stage.frozen == Frozen::nothing ? "" : "without the frozen " + name_of(stage.frozen));
    print_bytes("  optimizer", memory.optimizer);
    if (memory.batch > 0)
        print_bytes("  batch", memory.batch,
                    fmt::format("{} contexts: their labels, their rows of H, and W once more", stage.batch));
    const std::int64_t blocks = memory.loss_step.chunks_at_once;
    if (memory.shards > 0)
        print_bytes("  shards", memory.shards,
                    "the loss calls' memory and sums of dW, of one rank that has them all");
    else
        print_bytes("  loss step", memory.loss_step.bytes,
                    fmt::format("{} of {} contexts at once{}",
                                stage.kernel == LossKernel::epilogue ? "exponentials" : "logits",
                                memory.loss_step.chunk, blocks > 1 ? fmt::format(", {} times", blocks) : ""));
    print_bytes(
        "  a checkpoint", memory.checkpoint,
        fmt::format("on disk, {} kept, and on the host while it is written", config.keep_checkpoints));
    print_bytes("  peak", peak, "all of it together");
}

/// Seconds of one update of the stage, the second of two, of one rank where there are shards.
double time_step(const RunConfig& config, const Stage& stage, const Dataset& dataset, const Labels& labels,
                 Backend& backend) {
    TrainingSettings one = config.training;
    one.stages = {stage};
    one.stages[0].steps = 2;
    Alone alone;
    const TeamSums sums(alone, std::max<std::int64_t>(1, config.shards));
    std::optional<SharedRows> rows;
    if (config.shards > 0) rows.emplace(sums, backend, dataset);
    Trainer trainer = rows ? Trainer(backend, *rows, one) : Trainer(backend, labels, one);
    double seconds = 0;
    do {
        seconds = seconds_of([&] {
            trainer.advance();
            trainer.settle();
        });
    } while (!trainer.finished() && seconds < long_step_s);
    return seconds;
}

/// Of a vector of what is trained.
std::int64_t trained_bytes(const ModelShape& shape, Real master, Frozen frozen) {
    return trained_part({nullptr, master, shape.size()}, shape, frozen).size * bytes_of(master);
}

void require_room(const MemoryPlan& plan, std::int64_t free, const std::string& device) {
    const std::size_t largest = plan.largest_stage();
    const std::int64_t needed = plan.peak(largest);
    if (needed <= free) return;
    const std::string where = plan.stages.size() > 1 ? fmt::format("stage {} of ", largest + 1) : "";
    throw InputError(
        fmt::format("train: {}this run needs {} and the device {} has {} free; a smaller dim, master "
                    "fp32 or an optimizer with less state would need less",
                    where, bytes_text(needed), device, bytes_text(free)));
}

void require_room_for_labels(const Dataset& dataset, std::int64_t free, const std::string& device) {
    if (const std::int64_t needed = labels_bytes(dataset); needed > free)
        throw InputError(fmt::format("train: the labels alone need {} and the device {} has {} free",
                                     bytes_text(needed), device, bytes_text(free)));
}

/// Seconds of the records, from what updates took that are counted alike.
double print_records(const RunConfig& config, const Dataset& dataset, double updates_s) {
    const RunOperations operations = run_operations(config, dataset);
    const std::int64_t count = records_of(config.metrics_every, config.training.steps());
    const double seconds = operations.records(count) * updates_s / operations.updates;
    print_line("records",
               fmt::format("{} ({}), about {}", count, config.metrics_every.text(), duration_text(seconds)));
    return seconds;
}

}  // namespace

void print_problem(const Dataset& dataset, const std::string& device, std::int64_t free) {
    print_line("data set", fmt::format("V = {}, m = {}, nnz = {}", dataset.vocab_size, dataset.contexts(),
                                       dataset.nnz()));
    print_line("device", fmt::format("{}, {} free", device, bytes_text(free)));
}

void print_bytes(const std::string& what, std::int64_t bytes, const std::string& note) {
    fmt::print("{:<20}{:>12}{}\n", what, bytes_text(bytes), note.empty() ? "" : "   " + note);
}

std::int64_t MemoryPlan::peak(std::size_t index) const {
    const StageMemory& stage = stages[index];
    const std::int64_t host = host_is_device ? std::max(stage.checkpoint, metrics_host) : 0;
    return labels + parameters + metrics + stage.device() + host;
}

std::size_t MemoryPlan::largest_stage() const {
    std::size_t largest = 0;
    for (std::size_t k = 1; k < stages.size(); ++k)
        if (peak(k) > peak(largest)) largest = k;
    return largest;
}

MemoryPlan plan_memory(const RunConfig& config, const Dataset& dataset, const LabelsView& labels,
                       Backend& backend, std::int64_t limit_rank) {
    const TrainingSettings& training = config.training;
    const ModelShape shape{dataset.vocab_size, dataset.contexts(), training.dim};
    MemoryPlan plan;
    plan.host_is_device = backend.device() == "cpu";
    plan.labels = labels_bytes(dataset);
    plan.parameters = shape.size() * bytes_of(training.master);
    const std::int64_t certificates =
        config.certify_every == 0 ? 0
        : config.shards > 0       ? OptimumBounder::shared_bytes(dataset.vocab_size, dataset.contexts(),
                                                                 training.dim, config.shards)
                            : OptimumBounder::bytes(dataset.vocab_size, dataset.contexts(), training.dim);
    for (const Stage& stage : training.stages) {
        const std::int64_t vector = trained_bytes(shape, training.master, stage.frozen);
        const Precision metrics = config.metrics_fp64 ? Precision::fp64 : stage.precision;
        const FigureMemory figures = figure_memory(backend, labels, training.dim, metrics, limit_rank);
        plan.metrics = std::max(plan.metrics, figures.device + certificates);
        if (config.shards > 0)
            plan.metrics = std::max(
                plan.metrics, shared_pass_bytes(backend, dataset, training.dim, metrics, config.shards));
        plan.metrics_host = std::max(plan.metrics_host, figures.host);
        const LossPlan loss{training.dim, training.master, stage.precision, 0, 0, stage.kernel};
        const std::int64_t saved = saved_vectors(stage) * vector;
        StageMemory memory{vector, (optimizer_vectors(stage) - 1) * vector, {}, plan.parameters + saved};
        if (config.shards > 0)
            memory.shards = SharedObjective::bytes(backend, stage, training.master, shape, config.shards,
                                                   shard_bounds(dataset, {config.shards, 1}, stage.batch));
        const auto plan_loss_step = [&](const LabelsView& of) {
            if (config.shards == 0) memory.loss_step = backend.loss_step_size(of, loss);
        };
        if (stage.batch > 0) {
            const BatchLabels batch(backend, labels, stage.batch);
            const ModelShape part{shape.vocab_size, stage.batch, shape.dim};
            memory.gradient = trained_bytes(part, training.master, stage.frozen);
            memory.batch = batch.bytes() + part.size() * bytes_of(training.master);
            memory.optimizer = saved + saved_vectors(stage) * memory.gradient;
            plan_loss_step(batch.view());
        } else {
            plan_loss_step(labels);
        }
        plan.stages.push_back(memory);
    }
    return plan;
}

void require_room(const RunConfig& config, const Dataset& dataset, Backend& backend,
                  std::int64_t limit_rank) {
    const std::int64_t free = available_memory(backend);
    require_room_for_labels(dataset, free, config.device);
    require_room(plan_memory(config, dataset, labels_in_place(dataset), backend, limit_rank), free,
                 config.device);
}

void rehearse(const RunConfig& config, const Dataset& dataset, Backend& backend, std::int64_t limit_rank) {
    const std::int64_t free = available_memory(backend);
    require_room_for_labels(dataset, free, config.device);
    const Labels labels(backend, dataset);
    const MemoryPlan plan = plan_memory(config, dataset, labels.view(), backend, limit_rank);
    const std::vector<Stage>& stages = config.training.stages;
    print_run(config, dataset, plan, free);
    const bool fits = plan.peak(plan.largest_stage()) <= free;
    double total = 0;
    for (std::size_t k = 0; k < stages.size(); ++k) {
        const Stage& stage = stages[k];
        print_line(fmt::format("stage {} of {}", k + 1, stages.size()),
                   fmt::format("{} steps of {}, {} products", stage.steps, name_of(stage.optimizer),
                               name_of(stage.precision)));
        print_stage(stage, plan.stages[k], plan.peak(k), config);
        std::fflush(stdout);
        if (!fits || stage.steps == 0) continue;
        const double seconds = time_step(config, stage, dataset, labels, backend);
        total += seconds * static_cast<double>(stage.steps);
        print_line("  time a step", fmt::format("{:.3g} s, {} for all", seconds,
                                                duration_text(seconds * static_cast<double>(stage.steps))));
    }
    require_room(plan, free, config.device);
    if (total > 0) total += print_records(config, dataset, total);
    print_line("time", fmt::format("{}, checkpoints aside", duration_text(total)));
    print_line("written", "nothing: a dry run");
}

}  // namespace ntpgeo
