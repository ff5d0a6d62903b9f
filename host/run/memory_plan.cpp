#include "host/run/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/exact/training_certificate.hpp"
#include "engine/geometry/figures.hpp"
#include "engine/training/optimizer.hpp"

namespace ntpgeo {

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

MemoryPlan plan_memory(const RunConfig& config, const Dataset& dataset, const Labels& labels,
                       Backend& backend, std::int64_t limit_rank) {
    const TrainingSettings& training = config.training;
    const ModelShape shape{dataset.vocab_size, dataset.contexts(), training.dim};
    MemoryPlan plan;
    plan.host_is_device = backend.device() == "cpu";
    plan.labels = labels_bytes(dataset);
    plan.parameters = shape.size() * bytes_of(training.master);
    const std::int64_t certificates =
        config.certify_every > 0 ? OptimumBounder::bytes(dataset.vocab_size, dataset.contexts(), training.dim)
                                 : 0;
    for (const Stage& stage : training.stages) {
        const Vector nowhere{nullptr, training.master, shape.size()};
        const std::int64_t vector =
            trained_part(nowhere, shape, stage.frozen).size * bytes_of(training.master);
        const Precision metrics = config.metrics_fp64 ? Precision::fp64 : stage.precision;
        const FigureMemory figures = figure_memory(backend, labels.view(), training.dim, metrics, limit_rank);
        plan.metrics = std::max(plan.metrics, figures.device + certificates);
        plan.metrics_host = std::max(plan.metrics_host, figures.host);
        plan.stages.push_back({vector, (optimizer_vectors(stage) - 1) * vector,
                               backend.loss_step_size(labels.view(), {training.dim, training.master,
                                                                      stage.precision, 0, 0, stage.kernel}),
                               plan.parameters + saved_vectors(stage) * vector});
    }
    return plan;
}

std::string bytes_text(std::int64_t bytes) {
    if (bytes < 1024) return fmt::format("{} bytes", bytes);
    double value = static_cast<double>(bytes);
    const char* unit = "bytes";
    for (const char* larger : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
        if (value < 1023.95) break;
        value /= 1024;
        unit = larger;
    }
    return fmt::format("{:.1f} {}", value, unit);
}

}  // namespace ntpgeo
