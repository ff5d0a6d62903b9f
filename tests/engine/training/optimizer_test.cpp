// Schedules, the line search, the optimizers and the trainer's state.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/training/line_search.hpp"
#include "engine/training/trainer.hpp"
#include "kernels/base/status.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

TEST(Schedules, FollowTheirFormulas) {
    Stage stage{.steps = 100, .learning_rate = 0.5, .warmup = 10};
    EXPECT_DOUBLE_EQ(learning_rate_at(stage, 0), 0.05);
    EXPECT_DOUBLE_EQ(learning_rate_at(stage, 9), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate_at(stage, 99), 0.5);
    stage.schedule = RateSchedule::cosine;
    EXPECT_DOUBLE_EQ(learning_rate_at(stage, 10), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate_at(stage, 55), 0.25);
    stage.schedule = RateSchedule::inverse_sqrt;
    EXPECT_DOUBLE_EQ(learning_rate_at(stage, 39), 0.25);
    EXPECT_FALSE(depends_on_total(stage));
    stage.lambda_start = 1e-2;
    stage.lambda_end = 1e-6;
    EXPECT_TRUE(depends_on_total(stage));
    EXPECT_DOUBLE_EQ(lambda_at(stage, 0), 1e-2);
    EXPECT_NEAR(lambda_at(stage, 50), 1e-4, 1e-18);
    EXPECT_NEAR(lambda_at(stage, 100), 1e-6, 1e-20);
    stage.steps = 0;
    EXPECT_EQ(lambda_at(stage, 0), 1e-2);
}

TEST(LineSearch, MeetsBothWolfeConditionsOnHardFunctions) {
    // Moré and Thuente's first function, a quartic, and a steep wall where long steps are not finite.
    const std::vector<std::function<double(double)>> functions{
        [](double a) { return -a / (a * a + 2); },
        [](double a) { return std::pow(a + 0.004, 5) - 2 * std::pow(a + 0.004, 4); },
        [](double a) { return a < 3 ? -std::log(3 - a) * 0.1 - a : std::nan(""); }};
    for (std::size_t f = 0; f < functions.size(); ++f)
        for (const double first : {1e-3, 0.1, 1.0, 10.0, 1000.0}) {
            const auto point = [&](double a) {
                const double h = 1e-6;
                return LinePoint{a, functions[f](a), (functions[f](a + h) - functions[f](a - h)) / (2 * h)};
            };
            const LinePoint start = point(0);
            const LineSearchResult result = strong_wolfe_search(start, first, point);
            ASSERT_TRUE(result.found) << f << ' ' << first;
            EXPECT_LE(result.point.value, start.value + 1e-4 * result.point.step * start.slope)
                << f << ' ' << first;
            EXPECT_LE(std::abs(result.point.slope), 0.9 * std::abs(start.slope)) << f << ' ' << first;
        }
}

TEST(LineSearch, SaysWhenThereIsNoDecrease) {
    const auto rising = [](double a) { return LinePoint{a, 1 + a, -1}; };  // the slope lies
    EXPECT_FALSE(strong_wolfe_search({0, 1, -1}, 1, rising).found);
}

struct Bench {
    Dataset data;
    std::unique_ptr<Backend> backend = make_cpu_backend();
    Labels labels{*backend, data};
    explicit Bench(Dataset dataset) : data(std::move(dataset)) {}
};

double excess_after(Bench& bench, const TrainingSettings& settings) {
    Trainer trainer(*bench.backend, bench.labels, settings);
    while (!trainer.finished()) trainer.advance();
    const auto step =
        bench.backend->make_loss_step(bench.labels.view(), {settings.dim, settings.master, Precision::fp64});
    return step->run(trainer.words(), trainer.contexts(), 0, {}, {}).excess_loss;
}

TEST(Optimizers, EachLowersTheExcessLoss) {
    Bench bench(random_dataset(30, 60, 20, 1, 4, 2));
    TrainingSettings settings;
    settings.dim = 12;
    settings.stages[0].steps = 0;
    const double start = excess_after(bench, settings);
    settings.stages[0] = {.steps = 200, .optimizer = OptimizerKind::gd, .learning_rate = 3};
    EXPECT_LT(excess_after(bench, settings), 0.3 * start);
    settings.stages[0] = {.steps = 200, .optimizer = OptimizerKind::adam, .learning_rate = 0.05};
    EXPECT_LT(excess_after(bench, settings), 1e-2 * start);
    settings.stages[0] = {.steps = 200, .optimizer = OptimizerKind::lbfgs, .learning_rate = 1};
    EXPECT_LT(excess_after(bench, settings), 1e-5 * start);
    settings.master = Real::fp32;
    settings.stages[0] = {
        .steps = 200, .optimizer = OptimizerKind::adam, .learning_rate = 0.05, .precision = Precision::fp32};
    EXPECT_LT(excess_after(bench, settings), 1e-2 * start);
}

TEST(Optimizers, LbfgsFindsTheStationaryPointOfARidgeAndStopsAtItsFloor) {
    Bench bench(random_dataset(15, 20, 10, 1, 4, 3));
    TrainingSettings settings;
    settings.dim = 15;
    settings.stages[0] = {.steps = 100000,
                          .optimizer = OptimizerKind::lbfgs,
                          .learning_rate = 1,
                          .lambda_start = 1e-2,
                          .lambda_end = 1e-2};
    Trainer trainer(*bench.backend, bench.labels, settings);
    while (!trainer.finished()) trainer.advance();
    EXPECT_TRUE(trainer.at_noise_floor());
    EXPECT_LT(trainer.step(), 5000);
    // At a stationary point of the factored problem ‖W‖ = ‖H‖: the ridge balances the factors.
    const auto square = [&](Matrix m) { return bench.backend->dot(m.flat(), m.flat()); };
    EXPECT_NEAR(square(trainer.words()) / square(trainer.contexts()), 1, 1e-6);
}

TEST(Optimizers, AdamsFirstStepHasTheLengthOfItsRate) {
    // m/√v is ±1 after one step, whatever the gradient's size: ε must not swallow small gradients.
    Bench bench(random_dataset(20, 2000, 20, 1, 3, 4));
    TrainingSettings settings;
    settings.dim = 4;
    settings.init_scale = 1;
    settings.stages[0] = {.steps = 1, .optimizer = OptimizerKind::adam, .learning_rate = 0.01};
    Trainer trainer(*bench.backend, bench.labels, settings);
    const auto before = download_array<double>(*bench.backend, trainer.contexts().data, 8000);
    trainer.advance();
    const auto after = download_array<double>(*bench.backend, trainer.contexts().data, 8000);
    for (std::size_t i = 0; i < after.size(); ++i) ASSERT_NEAR(std::abs(after[i] - before[i]), 0.01, 1e-6);
}

class Resume : public testing::TestWithParam<std::tuple<OptimizerKind, Real>> {};

TEST_P(Resume, ContinuesBitForBit) {
    const auto [optimizer, master] = GetParam();
    Bench bench(random_dataset(25, 40, 15, 1, 4, 5));
    TrainingSettings settings;
    settings.dim = 6;
    settings.master = master;
    settings.stages[0] = {
        .steps = 30, .optimizer = optimizer, .learning_rate = optimizer == OptimizerKind::adam ? 0.05 : 1.0};
    settings.stages[0].lambda_start = 1e-3;
    settings.stages[0].lambda_end = 1e-5;
    settings.stages[0].history = 4;
    Trainer whole(*bench.backend, bench.labels, settings);
    TrainerState middle;
    while (!whole.finished()) {
        if (whole.step() == 17) middle = whole.save();
        whole.advance();
    }
    Trainer resumed(*bench.backend, bench.labels, settings);
    resumed.load(middle);
    EXPECT_EQ(resumed.step(), 17);
    while (!resumed.finished()) resumed.advance();
    const TrainerState a = whole.save(), b = resumed.save();
    ASSERT_EQ(a.tensors.size(), b.tensors.size());
    for (std::size_t i = 0; i < a.tensors.size(); ++i)
        EXPECT_EQ(a.tensors[i].bytes, b.tensors[i].bytes) << a.tensors[i].name;
}

INSTANTIATE_TEST_SUITE_P(Trainer, Resume,
                         testing::Combine(testing::Values(OptimizerKind::gd, OptimizerKind::adam,
                                                          OptimizerKind::lbfgs),
                                          testing::Values(Real::fp64, Real::fp32)));

TEST(Trainer, RefusesAStateOfAnotherShape) {
    Bench bench(random_dataset(25, 40, 15, 1, 4, 5));
    TrainingSettings settings;
    settings.dim = 6;
    const TrainerState state = Trainer(*bench.backend, bench.labels, settings).save();
    settings.dim = 7;
    Trainer other(*bench.backend, bench.labels, settings);
    EXPECT_THROW(other.load(state), InputError);
}

TEST(Trainer, NamesTheStepOfANonFiniteLoss) {
    Bench bench(random_dataset(25, 40, 15, 1, 4, 5));
    TrainingSettings settings;
    settings.stages[0] = {.steps = 50, .optimizer = OptimizerKind::gd, .learning_rate = 1e200};
    Trainer trainer(*bench.backend, bench.labels, settings);
    try {
        while (!trainer.finished()) trainer.advance();
        FAIL() << "the loss stayed finite";
    } catch (const NonFiniteLoss& error) {
        EXPECT_NE(std::string(error.what()).find("step " + std::to_string(trainer.step())),
                  std::string::npos);
    }
}

TEST(Trainer, StartsFromTheSeedAlone) {
    Bench bench(random_dataset(25, 40, 15, 1, 4, 5));
    TrainingSettings settings;
    settings.init_scale = 3;
    settings.dim = 400;
    const TrainerState a = Trainer(*bench.backend, bench.labels, settings).save();
    const TrainerState b = Trainer(*bench.backend, bench.labels, settings).save();
    EXPECT_EQ(a.tensors[0].bytes, b.tensors[0].bytes);
    settings.seed = 1;
    EXPECT_NE(Trainer(*bench.backend, bench.labels, settings).save().tensors[0].bytes, a.tensors[0].bytes);
    // Entries N(0, 9/400): mean square 0.0225 within a few standard errors over 10,000 entries.
    Trainer trainer(*bench.backend, bench.labels, settings);
    const Vector w = trainer.words().flat();
    EXPECT_NEAR(bench.backend->dot(w, w) / static_cast<double>(w.size), 0.0225, 0.0225 * 0.06);
}

}  // namespace
}  // namespace ntpgeo
