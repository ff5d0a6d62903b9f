// What `--precision auto` stands for, on the CPU and on GPUs.
#include "engine/training/products.hpp"

#include <gtest/gtest.h>

#include "kernels/base/status.hpp"
#include "tests/metering_backend.hpp"
#include "tests/problems.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

/// Multiplies in every precision.
struct Gpu {
    Gpu() {
        backend.name = "cuda";
        backend.precisions = {Precision::bf16, Precision::bf16x3, Precision::tf32, Precision::fp32,
                              Precision::fp64};
    }
    MeteringBackend backend;
};

Stage stage(OptimizerKind optimizer, double lambda) {
    return {.optimizer = optimizer, .lambda_start = lambda, .lambda_end = lambda, .precision_auto = true};
}

const std::vector<OptimizerKind> first_order = {OptimizerKind::gd, OptimizerKind::momentum,
                                                OptimizerKind::ngd, OptimizerKind::adam,
                                                OptimizerKind::adamw};

TEST(PrecisionChoice, OnAGpuIsTheCheapestThatTheStageBears) {
    const Gpu gpu;
    const MeteringBackend& backend = gpu.backend;
    for (const double size : {1.0, 1e15}) {
        for (const OptimizerKind optimizer : first_order) {
            EXPECT_EQ(choose_precision(stage(optimizer, 0), size, backend), Precision::bf16);
            EXPECT_EQ(choose_precision(stage(optimizer, 1e-9), size, backend), Precision::fp32);
        }
        for (const double lambda : {0.0, 1e-3})
            EXPECT_EQ(choose_precision(stage(OptimizerKind::lbfgs, lambda), size, backend), Precision::fp64);
    }
}

TEST(PrecisionChoice, TakesTheNextDearerOneWhereTheDeviceLacksIt) {
    Gpu gpu;
    MeteringBackend& backend = gpu.backend;
    backend.precisions.erase(Precision::bf16);
    EXPECT_EQ(choose_precision(stage(OptimizerKind::adam, 0), 1, backend), Precision::tf32);
    backend.precisions = {Precision::fp32, Precision::fp64};
    EXPECT_EQ(choose_precision(stage(OptimizerKind::adam, 0), 1, backend), Precision::fp32);
}

TEST(PrecisionChoice, OnTheCpuIsFp64WhereAStepIsQuick) {
    const MeteringBackend backend;
    for (const OptimizerKind optimizer : first_order) {
        EXPECT_EQ(choose_precision(stage(optimizer, 0), 1e9, backend), Precision::fp64);
        EXPECT_EQ(choose_precision(stage(optimizer, 0), 1.1e9, backend), Precision::fp32);
    }
    EXPECT_EQ(choose_precision(stage(OptimizerKind::lbfgs, 0), 1e12, backend), Precision::fp32);
    EXPECT_EQ(choose_precision(stage(OptimizerKind::lbfgs, 1e-3), 1e12, backend), Precision::fp64);
}

TEST(PrecisionChoice, IsMadeForEachStageAndKeptWhereItWasGiven) {
    const Gpu gpu;
    const MeteringBackend& backend = gpu.backend;
    const Dataset data = random_dataset(5, 6, 3, 1, 2, 1);
    TrainingSettings training;
    training.stages = {stage(OptimizerKind::adam, 0),
                       {.precision = Precision::tf32},
                       stage(OptimizerKind::adam, 1e-4),
                       stage(OptimizerKind::lbfgs, 0)};
    resolve_products(training, data, backend);
    std::vector<Precision> chosen;
    for (const Stage& one : training.stages) {
        EXPECT_FALSE(one.precision_auto);
        chosen.push_back(one.precision);
    }
    EXPECT_EQ(chosen,
              (std::vector<Precision>{Precision::bf16, Precision::tf32, Precision::fp32, Precision::fp64}));
}

TEST(KernelChoice, IsPlainUnlessTheEpilogueFormIsAskedForAndThere) {
    const Dataset data = random_dataset(5, 6, 3, 1, 2, 1);
    MeteringBackend backend;
    TrainingSettings training;
    training.stages = {Stage{.precision = Precision::fp32}, Stage{.precision = Precision::fp32}};
    resolve_products(training, data, backend);
    EXPECT_EQ(training.stages[1].kernel, LossKernel::plain);
    training.stages[1].kernel = LossKernel::epilogue;
    EXPECT_EQ(refusal<InputError>([&] { resolve_products(training, data, backend); }),
              "stage 2, kernel: no such kernel; use auto or plain");
    backend.why_no_epilogue = "";
    resolve_products(training, data, backend);
    EXPECT_EQ(training.stages[1].kernel, LossKernel::epilogue);
}

TEST(PrecisionChoice, RefusesWhatTheDeviceDoesNotHaveNamingTheStage) {
    const MeteringBackend backend;
    const Dataset data = random_dataset(5, 6, 3, 1, 2, 1);
    TrainingSettings training;
    training.stages = {{}, {.precision = Precision::bf16}};
    {
        const std::string message = refusal<InputError>([&] { resolve_products(training, data, backend); });
        for (const char* part : {"stage 2, precision", "bf16", "cpu", "fp32, fp64"})
            expect_contains(message, part);
    }
}

}  // namespace
}  // namespace ntpgeo
