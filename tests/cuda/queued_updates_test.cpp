// Updates that a device has in its queue: what is noticed late is told right.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "engine/training/trainer.hpp"
#include "tests/cuda/cuda_fixture.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using CudaQueuedUpdates = CudaTest;

/// What a run has come to, and what it says of it.
struct End {
    Position position;
    std::string words;
    std::vector<StateTensor> tensors;
};

End run(Backend& backend, const Dataset& data, const TrainingSettings& settings) {
    const Labels labels(backend, data);
    Trainer trainer(backend, labels, settings);
    try {
        while (!trainer.finished()) trainer.advance();
        trainer.settle();
    } catch (const NonFiniteLoss& error) {
        return {trainer.position(), error.what(), trainer.save().tensors};
    }
    return {trainer.position(), "", trainer.save().tensors};
}

void expect_same(const End& found, const End& expected, double tolerance) {
    EXPECT_EQ(found.words, expected.words);
    EXPECT_EQ(found.position, expected.position);
    ASSERT_EQ(found.tensors.size(), expected.tensors.size());
    for (std::size_t k = 0; k < expected.tensors.size(); ++k) {
        const auto size = expected.tensors[k].bytes.size() / sizeof(double);
        const auto* const one = reinterpret_cast<const double*>(found.tensors[k].bytes.data());
        const auto* const other = reinterpret_cast<const double*>(expected.tensors[k].bytes.data());
        for (std::size_t i = 0; i < size; ++i)
            ASSERT_NEAR(one[i], other[i], tolerance * (1 + std::abs(other[i]))) << expected.tensors[k].name;
    }
}

TrainingSettings settings(const Stage& stage, double init_scale = 1) {
    TrainingSettings result;
    result.dim = 4;
    result.init_scale = init_scale;
    result.stages = {stage};
    return result;
}

// The second moment alone overflows nothing, and all optimizers but the normalised ones diverge at such
// rates.
TEST_F(CudaQueuedUpdates, TheFirstBadStepIsNamedAndWhatItBeganWithIsKept) {
    const Dataset data = random_dataset(9, 14, 6, 1, 4, 11);
    for (const OptimizerKind kind : {OptimizerKind::gd, OptimizerKind::momentum, OptimizerKind::sign,
                                     OptimizerKind::adam, OptimizerKind::adamw}) {
        SCOPED_TRACE(std::string(row_of(kind).name));
        const TrainingSettings diverging =
            settings({.steps = 40, .optimizer = kind, .learning_rate = 1e200, .warmup = 5});
        const End expected = run(cpu(), data, diverging), found = run(gpu(), data, diverging);
        EXPECT_NE(expected.words.find("the loss is not finite at step "), std::string::npos);
        expect_same(found, expected, 1e-9);
    }
}

// More than are queued at once, whatever their rates and λ.
TEST_F(CudaQueuedUpdates, OfEveryOptimizerNoneIsLost) {
    const Dataset data = random_dataset(9, 14, 6, 1, 4, 11);
    for (const OptimizerRow& row : optimizer_table) {
        if (row.kind == OptimizerKind::lbfgs) continue;
        SCOPED_TRACE(std::string(row.name));
        const TrainingSettings queued = settings({.steps = 70,
                                                  .optimizer = row.kind,
                                                  .learning_rate = 1e-2,
                                                  .schedule = RateSchedule::cosine,
                                                  .warmup = 10,
                                                  .lambda_start = 1e-3,
                                                  .lambda_end = 1e-4});
        expect_same(run(gpu(), data, queued), run(cpu(), data, queued), 1e-8);
    }
}

TEST_F(CudaQueuedUpdates, ARestIsKnownOnceTheyAreSettled) {
    const Dataset data = random_dataset(9, 14, 6, 1, 4, 11);
    const Labels labels(gpu(), data);
    for (const OptimizerRow& row : optimizer_table) {
        if (row.kind == OptimizerKind::lbfgs) continue;
        SCOPED_TRACE(std::string(row.name));
        for (const double init_scale : {0.0, 1.0}) {
            Trainer trainer(gpu(), labels, settings({.steps = 5, .optimizer = row.kind}, init_scale));
            while (!trainer.finished()) trainer.advance();
            trainer.settle();
            EXPECT_EQ(trainer.stationary(), init_scale == 0);
            EXPECT_EQ(trainer.step(), 5);
        }
    }
}

TEST_F(CudaQueuedUpdates, AreNotSavedBeforeTheyAreSettled) {
    const Dataset data = random_dataset(9, 14, 6, 1, 4, 11);
    const Labels labels(gpu(), data);
    Trainer trainer(gpu(), labels, settings({.steps = 5}));
    trainer.advance();
    EXPECT_THROW(static_cast<void>(trainer.save()), std::logic_error);
    trainer.settle();
    EXPECT_EQ(trainer.save().position.step, 1);
}

}  // namespace
}  // namespace ntpgeo
