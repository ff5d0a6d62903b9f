// Whole training runs on CUDA: the engine's code is the CPU's, so what it computes must agree.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/geometry/figures.hpp"
#include "engine/training/trainer.hpp"
#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

using CudaTraining = CudaTest;

TrainingSettings settings(OptimizerKind optimizer, Precision precision = Precision::fp64) {
    TrainingSettings result;
    result.dim = 5;
    result.seed = 3;
    Stage& stage = result.stages.front();
    stage.steps = 200;
    stage.optimizer = optimizer;
    stage.learning_rate = optimizer == OptimizerKind::adam ? 0.02 : 1;
    stage.lambda_start = 1e-4;
    stage.lambda_end = 1e-6;
    stage.precision = precision;
    return result;
}

struct Trained {
    Figures figures;
    std::vector<std::byte> words, contexts;
};

/// Runs to the end; with `interrupted`, through a saved and loaded state halfway.
Trained train(Backend& backend, const Dataset& data, const TrainingSettings& training,
              bool interrupted = false) {
    FigureMeter meter(backend, data);
    std::optional<Trainer> trainer;
    trainer.emplace(backend, meter.labels(), training);
    const std::int64_t steps = training.stages.front().steps;
    while (trainer->step() < steps && !trainer->finished()) {
        if (interrupted && trainer->step() == steps / 2) {
            trainer->settle();
            const TrainerState state = trainer->save();
            trainer.emplace(backend, meter.labels(), training);
            trainer->load(state);
            interrupted = false;
        }
        trainer->advance();
    }
    trainer->settle();
    const auto parameters = trainer->parameters();
    return {meter.measure(trainer->words(), trainer->contexts(), trainer->lambda(), Precision::fp64, 0, 200),
            parameters[0].bytes, parameters[1].bytes};
}

void expect_same(const std::optional<double>& actual, const std::optional<double>& expected, double tolerance,
                 const char* name) {
    ASSERT_EQ(actual.has_value(), expected.has_value()) << name;
    if (!expected) return;
    EXPECT_NEAR(*actual, *expected, tolerance * std::max(std::abs(*expected), 1e-3)) << name;
}

void expect_same(const Figures& actual, const Figures& expected, double tolerance) {
    const auto compare = [&](std::optional<double> Figures::*figure, const char* name) {
        expect_same(actual.*figure, expected.*figure, tolerance, name);
    };
    const auto compare_number = [&](double Figures::*figure, const char* name) {
        EXPECT_NEAR(actual.*figure / (expected.*figure), 1, tolerance) << name;
    };
    compare_number(&Figures::excess_loss, "excess_loss");
    compare_number(&Figures::off_support_mass, "off_support_mass");
    compare_number(&Figures::grad_norm, "grad_norm");
    compare_number(&Figures::words_norm, "words_norm");
    compare_number(&Figures::contexts_norm, "contexts_norm");
    compare_number(&Figures::sparse_norm, "sparse_norm");
    compare_number(&Figures::low_rank_norm, "low_rank_norm");
    compare(&Figures::dominance, "dominance");
    compare(&Figures::in_support_error, "in_support_error");
    compare(&Figures::alignment_proxy, "alignment_proxy");
    compare(&Figures::min_margin, "min_margin");
    compare(&Figures::collapse, "collapse");
    compare(&Figures::class_cosine, "class_cosine");
    compare(&Figures::stable_rank, "stable_rank");
    compare(&Figures::words_gram_proxy, "words_gram_proxy");
    compare(&Figures::contexts_gram_proxy, "contexts_gram_proxy");
    ASSERT_EQ(actual.singular_values.size(), expected.singular_values.size());
    for (std::size_t k = 0; k < expected.singular_values.size(); ++k)
        EXPECT_NEAR(actual.singular_values[k], expected.singular_values[k],
                    tolerance * expected.singular_values[0])
            << "singular value " << k;
}

TEST_F(CudaTraining, TwoHundredStepsInFp64GiveTheCpusFigures) {
    const Dataset data = random_dataset(20, 24, 9, 2, 5, 10);
    for (const OptimizerKind optimizer : {OptimizerKind::gd, OptimizerKind::adam}) {
        const Trained expected = train(cpu(), data, settings(optimizer)),
                      actual = train(gpu(), data, settings(optimizer));
        expect_same(actual.figures, expected.figures, 1e-9);
    }
}

TEST_F(CudaTraining, GivesTheSameBitsTwiceAndWhenResumed) {
    const Dataset data = random_dataset(20, 24, 9, 2, 5, 12);
    for (const Precision precision : {Precision::fp64, Precision::bf16}) {
        TrainingSettings training = settings(OptimizerKind::adam, precision);
        training.stages.front().steps = 12;
        const Trained once = train(gpu(), data, training), again = train(gpu(), data, training),
                      resumed = train(gpu(), data, training, true);
        EXPECT_TRUE(once.words == again.words && once.contexts == again.contexts);
        EXPECT_TRUE(once.words == resumed.words && once.contexts == resumed.contexts);
    }
}

TEST_F(CudaTraining, Bf16ProductsFollowTheFp64RunAtFirst) {
    const Dataset data = random_dataset(20, 24, 9, 2, 5, 13);
    TrainingSettings training = settings(OptimizerKind::gd);
    training.stages.front().steps = 60;
    const Trained exact = train(cpu(), data, training);
    training.stages.front().precision = Precision::bf16;
    const Trained bf16 = train(gpu(), data, training);
    expect_same(bf16.figures, exact.figures, 0.05);
}

}  // namespace
}  // namespace ntpgeo
