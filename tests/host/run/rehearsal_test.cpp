// A memory plan against what a run's parts really take.
#include <gtest/gtest.h>

#include "engine/geometry/figures.hpp"
#include "engine/runs/shared_pass.hpp"
#include "engine/training/trainer.hpp"
#include "host/run/rehearsal.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/metering_backend.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

RunConfig configuration(std::int64_t dim) {
    RunConfig config;
    config.training.dim = dim;
    config.training.stages = {
        {.steps = 2, .optimizer = OptimizerKind::adam, .precision = Precision::fp32},
        {.steps = 2, .optimizer = OptimizerKind::momentum, .frozen = Frozen::words},
        {.steps = 2, .optimizer = OptimizerKind::lbfgs, .learning_rate = 1, .history = 3},
        {.steps = 2, .optimizer = OptimizerKind::adam, .batch = 30, .sampling = Sampling::weights}};
    return config;
}

TEST(MemoryPlan, ForeseesWhatARunTakes) {
    // Spectra by Krylov spaces, and dense ones.
    for (const auto& [vocab, contexts, dim] :
         {std::array<std::int64_t, 3>{700, 900, 12}, {40, 90, 5}, {90, 40, 5}}) {
        SCOPED_TRACE(vocab);
        const Dataset data = random_dataset(vocab, contexts, 30, 1, 6, 3);
        const RunConfig config = configuration(dim);
        MeteringBackend backend;
        // A limit of more columns than one can have, so that it counts for more than the rest.
        const std::int64_t rank = std::max(vocab, contexts);
        const LimitFactors limit{vocab, contexts, rank, random_values(vocab * rank, 1, 4),
                                 random_values(contexts * rank, 1, 5)};
        FigureMeter meter(backend, data, &limit);
        const MemoryPlan plan = plan_memory(config, data, meter.labels().view(), backend, rank);
        EXPECT_LE(backend.peak, plan.labels + plan.metrics);
        Trainer trainer(backend, meter.labels(), config.training);
        backend.peak = backend.bytes;
        // "At most": no Krylov space here grows to its limit, and LAPACK's own memory is not metered.
        const auto expect_peak = [&](std::size_t stage) {
            meter.measure(trainer.words(), trainer.contexts(), 0, Precision::fp64, 0, 0);
            EXPECT_LE(backend.peak,
                      plan.labels + plan.parameters + plan.metrics + plan.stages[stage].device());
            EXPECT_GE(backend.peak, plan.labels + plan.parameters + 0.25 * static_cast<double>(plan.metrics) +
                                        static_cast<double>(plan.stages[stage].device()));
        };
        for (std::size_t stage = 0; stage < 4; ++stage) {
            while (trainer.position().stage < static_cast<std::int64_t>(stage) || !trainer.stage_over())
                trainer.advance();
            backend.peak = backend.bytes;
            expect_peak(stage);
            std::int64_t saved = 0;
            for (const StateTensor& tensor : trainer.save().tensors)
                if (tensor.name != "optimizer.numbers")
                    saved += static_cast<std::int64_t>(tensor.bytes.size());
            EXPECT_EQ(plan.stages[stage].checkpoint, saved);
        }
        EXPECT_EQ(plan.largest_stage(), 2U);
        EXPECT_TRUE(plan.host_is_device);
    }
}

TEST(MemoryPlan, ForeseesWhatShardsTake) {
    const Dataset data = random_dataset(700, 900, 30, 1, 6, 3);
    for (const std::int64_t shards : {1, 7, 16}) {
        SCOPED_TRACE(shards);
        RunConfig config = configuration(12);
        config.shards = shards;
        for (std::size_t k = 0; k < config.training.stages.size(); ++k) {
            RunConfig one = config;
            one.training.stages = {config.training.stages[k]};
            one.training.stages[0].steps = 2;
            const Stage& stage = one.training.stages[0];
            MeteringBackend backend;
            const MemoryPlan plan = plan_memory(one, data, labels_in_place(data), backend);
            Alone alone;
            const TeamSums sums(alone, shards);
            const SharedRows rows(sums, backend, data);
            const std::int64_t before = backend.bytes;
            backend.peak = before;
            Trainer trainer(backend, rows, one.training);
            while (!trainer.finished()) trainer.advance();
            // But for some numbers a shard, and the optimizers' few.
            EXPECT_NEAR(static_cast<double>(backend.peak - before - plan.parameters),
                        static_cast<double>(plan.stages[0].device()),
                        0.02 * static_cast<double>(plan.stages[0].device()) + 4096)
                << k;
            backend.peak = backend.bytes;
            const std::int64_t in_use = backend.bytes;
            shared_pass(backend, rows, trainer.words(), trainer.contexts(), 0, Precision::fp64);
            EXPECT_LE(backend.peak - in_use, shared_pass_bytes(backend, data, 12, Precision::fp64, shards));
            EXPECT_GE(backend.peak - in_use, 0.9 * static_cast<double>(shared_pass_bytes(
                                                       backend, data, 12, Precision::fp64, shards)));
            EXPECT_EQ(stage.steps, 2);
        }
    }
}

TEST(MemoryPlan, CountsTheHostsShareOnTheCpuAlone) {
    const Dataset data = random_dataset(40, 50, 9, 1, 4, 4);
    MeteringBackend backend;
    const Labels labels(backend, data);
    const MemoryPlan cpu = plan_memory(configuration(8), data, labels.view(), backend);
    backend.name = "cuda";
    const MemoryPlan gpu = plan_memory(configuration(8), data, labels.view(), backend);
    for (std::size_t stage = 0; stage < 3; ++stage)
        EXPECT_EQ(cpu.peak(stage) - gpu.peak(stage),
                  std::max(cpu.stages[stage].checkpoint, cpu.metrics_host));
}

TEST(Rehearsal, SaysNoWhereTheDeviceIsTooSmall) {
    const Dataset data = random_dataset(40, 50, 9, 1, 4, 4);
    MeteringBackend backend;
    backend.name = "cuda";
    const Labels labels(backend, data);
    RunConfig config = configuration(8);
    config.device = "cuda:0";
    const MemoryPlan plan = plan_memory(config, data, labels.view(), backend);
    const std::int64_t needed = plan.peak(plan.largest_stage());
    testing::internal::CaptureStdout();
    backend.device_memory = {needed, needed};
    EXPECT_NO_THROW(rehearse(config, data, backend));
    expect_contains(testing::internal::GetCapturedStdout(), "time a step");
    testing::internal::CaptureStdout();
    backend.device_memory = {needed, needed - 1};
    {
        const std::string message = refusal<InputError>([&] { rehearse(config, data, backend); });
        for (const char* part : {"train: stage 3", "cuda:0"}) expect_contains(message, part);
    }
    const std::string table = testing::internal::GetCapturedStdout();
    expect_contains(table, "stage 3 of 4");
    EXPECT_EQ(table.find("time a step"), std::string::npos);
    backend.device_memory = {10, 10};
    {
        const std::string message = refusal<InputError>([&] { rehearse(config, data, backend); });
        for (const char* part : {"labels alone"}) expect_contains(message, part);
    }
}

}  // namespace
}  // namespace ntpgeo
