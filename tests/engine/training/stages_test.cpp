// Every optimizer against a plain reference, frozen factors, and schedules of several stages.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/training/trainer.hpp"
#include "kernels/base/status.hpp"
#include "tests/metering_backend.hpp"
#include "tests/problems.hpp"
#include "tests/training_reference.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t dim = 4;

class Stages : public testing::Test {
  protected:
    TrainingSettings settings(const std::vector<Stage>& stages) {
        TrainingSettings all;
        all.dim = dim;
        all.seed = 7;
        all.stages = stages;
        return all;
    }
    /// W then H.
    std::vector<double> values(const Trainer& trainer) {
        return download_array<double>(*backend_, trainer.words().data, (vocab_ + contexts_) * dim);
    }
    std::vector<double> start() { return values(Trainer(*backend_, labels_, settings({Stage{}}))); }
    Trainer trained(const std::vector<Stage>& stages) {
        Trainer trainer(*backend_, labels_, settings(stages));
        while (!trainer.finished()) trainer.advance();
        return trainer;
    }
    void expect_near(const std::vector<double>& found, const std::vector<double>& expected,
                     double tolerance = 1e-11) {
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i)
            ASSERT_NEAR(found[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << "entry " << i;
    }
    void expect_same_state(const Trainer& a, const Trainer& b) {
        const TrainerState one = a.save(), two = b.save();
        EXPECT_EQ(one.position, two.position);
        ASSERT_EQ(one.tensors.size(), two.tensors.size());
        for (std::size_t i = 0; i < one.tensors.size(); ++i) {
            EXPECT_EQ(one.tensors[i].name, two.tensors[i].name);
            EXPECT_EQ(one.tensors[i].bytes, two.tensors[i].bytes) << one.tensors[i].name;
        }
    }

    static constexpr std::int64_t vocab_ = 9, contexts_ = 14;
    Dataset data_ = random_dataset(vocab_, contexts_, 6, 1, 4, 11);
    std::unique_ptr<Backend> backend_ = make_cpu_backend();
    Labels labels_{*backend_, data_};
};

struct NamedOptimizer {
    OptimizerKind kind;
    const char* name;
    double rate;
};
const std::vector<NamedOptimizer> first_order = {
    {OptimizerKind::gd, "gd", 0.7},        {OptimizerKind::momentum, "momentum", 0.2},
    {OptimizerKind::ngd, "ngd", 0.3},      {OptimizerKind::adam, "adam", 0.03},
    {OptimizerKind::adamw, "adamw", 0.03}, {OptimizerKind::sign, "sign", 0.02}};

TEST_F(Stages, EveryOptimizerFollowsItsFormula) {
    for (const NamedOptimizer& optimizer : first_order) {
        SCOPED_TRACE(optimizer.name);
        // λ and the rate change from update to update.
        const Stage stage{.steps = 25,
                          .optimizer = optimizer.kind,
                          .learning_rate = optimizer.rate,
                          .schedule = RateSchedule::inverse_sqrt,
                          .warmup = 5,
                          .lambda_start = 0.2,
                          .lambda_end = 0.01,
                          .momentum = 0.7,
                          .beta1 = 0.8,
                          .beta2 = 0.95};
        oracle::ReferenceStage reference{optimizer.name, 25, 0.7, 0.8, 0.95};
        for (int t = 0; t < 25; ++t) {
            reference.rate.push_back(optimizer.rate * (t < 5 ? (t + 1) / 5.0 : std::sqrt(5.0 / (t + 1))));
            reference.lambda.push_back(0.2 * std::pow(0.05, t / 25.0));
        }
        oracle::Reference plain(data_, dim, start());
        plain.run(reference);
        expect_near(values(trained({stage})), plain.x);
    }
}

TEST_F(Stages, AFrozenFactorStaysAndTheOtherIsTrainedAlone) {
    for (const Frozen frozen : {Frozen::words, Frozen::contexts})
        for (const NamedOptimizer& optimizer : first_order) {
            SCOPED_TRACE(std::string(optimizer.name) + (frozen == Frozen::words ? " words" : " contexts"));
            const Stage stage{.steps = 15,
                              .optimizer = optimizer.kind,
                              .learning_rate = optimizer.rate,
                              .lambda_start = 0.1,
                              .lambda_end = 0.1,
                              .frozen = frozen};
            const oracle::ReferenceStage reference{.optimizer = optimizer.name,
                                                   .steps = 15,
                                                   .rate = std::vector<double>(15, optimizer.rate),
                                                   .lambda = std::vector<double>(15, 0.1),
                                                   .words = frozen != Frozen::words,
                                                   .contexts = frozen != Frozen::contexts};
            const std::vector<double> before = start();
            oracle::Reference plain(data_, dim, before);
            plain.run(reference);
            const std::vector<double> after = values(trained({stage}));
            expect_near(after, plain.x);
            for (std::size_t i = 0; i < after.size(); ++i) {
                const bool word = i < static_cast<std::size_t>(vocab_ * dim);
                if (word == (frozen == Frozen::words)) {
                    ASSERT_EQ(after[i], before[i]) << i;
                }
            }
        }
}

TEST_F(Stages, LbfgsTrainsTheFreeFactorToItsStationaryPoint) {
    for (const Frozen frozen : {Frozen::words, Frozen::contexts}) {
        const Trainer trainer = trained({{.steps = 5000,
                                          .optimizer = OptimizerKind::lbfgs,
                                          .learning_rate = 1,
                                          .lambda_start = 1e-2,
                                          .lambda_end = 1e-2,
                                          .frozen = frozen}});
        EXPECT_TRUE(trainer.at_noise_floor());
        const auto step = backend_->make_loss_step(labels_.view(), {dim, Real::fp64, Precision::fp64, 0, 0});
        const Array memory(*backend_, (vocab_ + contexts_) * dim * 8);
        const Matrix words = memory.matrix(Real::fp64, vocab_, dim),
                     contexts = memory.matrix(Real::fp64, contexts_, dim, vocab_ * dim);
        step->run(trainer.words(), trainer.contexts(), 1e-2, words, contexts);
        const auto norm = [&](Matrix m) { return std::sqrt(backend_->dot(m.flat(), m.flat())); };
        EXPECT_LT(norm(frozen == Frozen::words ? contexts : words), 1e-7);
        EXPECT_GT(norm(frozen == Frozen::words ? words : contexts), 1e-3);
    }
}

TEST_F(Stages, AFrozenFactorHasNoOptimizerState) {
    const Trainer trainer = trained({{.steps = 1, .frozen = Frozen::words}});
    std::size_t vectors = 0;
    for (const StateTensor& tensor : trainer.save().tensors) {
        if (!tensor.name.starts_with("optimizer.")) continue;
        EXPECT_EQ(tensor.shape, std::vector<std::int64_t>{contexts_ * dim}) << tensor.name;
        ++vectors;
    }
    EXPECT_EQ(vectors, 2U);
}

TEST_F(Stages, SchedulesStartAnewInEachStageAndStateGoesOnWithTheSameOptimizer) {
    const std::vector<Stage> stages = {
        {.steps = 8, .optimizer = OptimizerKind::momentum, .learning_rate = 0.2, .warmup = 4},
        {.steps = 10,
         .optimizer = OptimizerKind::adam,
         .learning_rate = 0.05,
         .schedule = RateSchedule::cosine,
         .warmup = 2},
        {.steps = 0, .optimizer = OptimizerKind::adam},
        {.steps = 7,
         .optimizer = OptimizerKind::adam,
         .learning_rate = 0.02,
         .lambda_start = 0.1,
         .lambda_end = 0.01,
         .beta1 = 0.5},
        {.steps = 6, .optimizer = OptimizerKind::momentum, .learning_rate = 0.1, .momentum = 0.5},
    };
    std::vector<oracle::ReferenceStage> reference = {
        {"momentum", 8}, {"adam", 10}, {"adam", 7, 0.9, 0.5}, {"momentum", 6, 0.5}};
    for (int t = 0; t < 10; ++t) {
        reference[0].rate.push_back(t < 4 ? 0.2 * (t + 1) / 4 : 0.2);
        reference[1].rate.push_back(t < 2 ? 0.05 * (t + 1) / 2
                                          : 0.025 * (1 + std::cos(std::acos(-1.0) * (t - 2) / 8)));
        reference[2].rate.push_back(0.02);
        reference[3].rate.push_back(0.1);
        for (const int k : {0, 1, 3}) reference[k].lambda.push_back(0);
        reference[2].lambda.push_back(0.1 * std::pow(0.1, t / 7.0));
    }
    reference[2].keeps_state = true;
    oracle::Reference plain(data_, dim, start());
    for (const oracle::ReferenceStage& stage : reference) plain.run(stage);
    const Trainer trainer = trained(stages);
    expect_near(values(trainer), plain.x);
    EXPECT_EQ(trainer.position(), (Position{31, 4, 25, 25, false}));
}

TEST_F(Stages, AStateSavedAtAnyStepGoesOnBitForBit) {
    const std::vector<Stage> stages = {
        {.steps = 5, .optimizer = OptimizerKind::momentum, .learning_rate = 0.2},
        {.steps = 4, .optimizer = OptimizerKind::adam, .schedule = RateSchedule::cosine},
        {.steps = 4, .optimizer = OptimizerKind::adam, .precision = Precision::fp32},
        {.steps = 4, .optimizer = OptimizerKind::adamw, .lambda_start = 0.1, .lambda_end = 0.1},
        {.steps = 4, .optimizer = OptimizerKind::ngd, .learning_rate = 0.1, .frozen = Frozen::contexts},
        {.steps = 4, .optimizer = OptimizerKind::lbfgs, .learning_rate = 1, .precision = Precision::fp32},
        {.steps = 4,
         .optimizer = OptimizerKind::lbfgs,
         .learning_rate = 1,
         .lambda_start = 1e-3,
         .lambda_end = 1e-4},
    };
    const Trainer whole = trained(stages);
    EXPECT_EQ(whole.step(), 29);
    for (std::int64_t stop = 0; stop <= 29; ++stop) {
        SCOPED_TRACE(stop);
        Trainer first(*backend_, labels_, settings(stages));
        while (first.step() < stop) first.advance();
        Trainer second(*backend_, labels_, settings(stages));
        second.load(first.save());
        EXPECT_EQ(second.position(), first.position());
        while (!second.finished()) second.advance();
        expect_same_state(second, whole);
    }
}

TEST_F(Stages, ANoiseFloorEndsItsStageAndTheNextOneBegins) {
    const std::vector<Stage> stages = {
        {.steps = 100000,
         .optimizer = OptimizerKind::lbfgs,
         .learning_rate = 1,
         .lambda_start = 1e-2,
         .lambda_end = 1e-2},
        {.steps = 3, .optimizer = OptimizerKind::gd, .learning_rate = 0.1},
        {.steps = 100000,
         .optimizer = OptimizerKind::lbfgs,
         .learning_rate = 1,
         .lambda_start = 1e-3,
         .lambda_end = 1e-3},
    };
    Trainer trainer(*backend_, labels_, settings(stages));
    while (!trainer.stage_over()) trainer.advance();
    const Position floor = trainer.position();
    EXPECT_TRUE(floor.at_noise_floor);
    EXPECT_FALSE(trainer.finished());
    EXPECT_EQ(floor.stage, 0);
    EXPECT_EQ(trainer.lambda(), 1e-2);
    EXPECT_EQ(last_step(settings(stages), floor), floor.step + 100003);
    Trainer resumed(*backend_, labels_, settings(stages));
    resumed.load(trainer.save());
    trainer.advance();
    EXPECT_EQ(trainer.position(), (Position{floor.step + 1, 1, floor.step, floor.step, false}));
    while (!trainer.finished()) trainer.advance();
    EXPECT_EQ(trainer.position().stage, 2);
    EXPECT_EQ(trainer.position().stage_begin, floor.step + 3);
    EXPECT_TRUE(trainer.at_noise_floor());
    while (!resumed.finished()) resumed.advance();
    expect_same_state(resumed, trainer);
}

TEST_F(Stages, ASecondLbfgsStageFeelsItsOwnObjective) {
    // Carried over: the pairs, but neither value nor gradient of the stage before, or λ = 1e-1 would be found
    // at its floor at once.
    const Stage first{.steps = 3000,
                      .optimizer = OptimizerKind::lbfgs,
                      .learning_rate = 1,
                      .lambda_start = 1e-2,
                      .lambda_end = 1e-2};
    Stage second = first;
    second.lambda_start = second.lambda_end = 0.03;
    second.precision = Precision::fp32;
    Stage alone = second;
    alone.precision = second.precision = Precision::fp64;
    const Trainer staged = trained({first, second}), single = trained({alone});
    const auto ridge = [&](const Trainer& trainer) {
        const Vector w = trainer.words().flat(), h = trainer.contexts().flat();
        return backend_->dot(w, w) + backend_->dot(h, h);
    };
    EXPECT_NEAR(ridge(staged), ridge(single), 1e-5 * ridge(single));
    EXPECT_GT(staged.step(), staged.position().stage_begin);
    EXPECT_EQ(staged.position().optimizer_begin, 0);
}

TEST_F(Stages, NgdOnAZeroGradientStaysPut) {
    TrainingSettings zero = settings({{.steps = 5, .optimizer = OptimizerKind::ngd, .learning_rate = 0.5}});
    zero.init_scale = 0;
    Trainer trainer(*backend_, labels_, zero);
    EXPECT_FALSE(trainer.stationary());
    while (!trainer.finished()) trainer.advance();
    EXPECT_TRUE(trainer.stationary());
    EXPECT_EQ(trainer.step(), 5);
    for (const double value : values(trainer)) EXPECT_EQ(value, 0);
}

TEST(Ngd, AGradientWhoseSquareUnderflowsStillHasADirection) {
    // Logits of ±203: the gradient is e^-406 in size, and its square is 0 in fp64.
    const Dataset data = make_dataset(2, {{0}, {1}}, {{1.0}, {1.0}});
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    TrainingSettings settings;
    settings.dim = 1;
    settings.stages = {{.steps = 1, .optimizer = OptimizerKind::ngd, .learning_rate = 0.5}};
    Trainer trainer(*backend, labels, settings);
    const std::vector<double> before = {14, -14, 14.5, -14.5};
    backend->upload(before.data(), trainer.words().data, 32);
    trainer.advance();
    EXPECT_FALSE(trainer.stationary());
    const auto after = download_array<double>(*backend, trainer.words().data, 4);
    double square = 0;
    for (std::size_t i = 0; i < 4; ++i) square += (after[i] - before[i]) * (after[i] - before[i]);
    EXPECT_NEAR(std::sqrt(square), 0.5, 1e-12);
    EXPECT_GT(after[0], before[0]);
}

TEST_F(Stages, PositionsKnowWhatIsLeft) {
    const TrainingSettings some = settings({{.steps = 4}, {.steps = 0}, {.steps = 3}, {.steps = 0}});
    EXPECT_FALSE(is_finished(some, {4, 0, 0, 0, false}));
    EXPECT_TRUE(is_finished(some, {7, 2, 4, 0, false}));
    EXPECT_TRUE(is_finished(some, {5, 2, 4, 0, true}));
    EXPECT_EQ(last_step(some, {0, 0, 0, 0, false}), 7);
    EXPECT_EQ(last_step(some, {2, 0, 0, 0, true}), 5);
    EXPECT_NO_THROW(require_stage(some, {0, 3, 0, 0, false}));
    for (const std::int64_t stage : {-1, 4}) {
        EXPECT_THROW(require_stage(some, {0, stage, 0, 0, false}), InputError);
        Trainer trainer(*backend_, labels_, some);
        TrainerState state = trainer.save();
        state.position.stage = stage;
        EXPECT_THROW(trainer.load(state), InputError);
    }
}

TEST_F(Stages, TakeTheMemoryOfTheLargestStageNotOfAll) {
    MeteringBackend meter;
    const Labels labels(meter, data_);
    EXPECT_EQ(meter.bytes, labels_bytes(data_));
    const std::vector<Stage> stages = {
        {.steps = 1, .optimizer = OptimizerKind::adam},
        {.steps = 1, .optimizer = OptimizerKind::lbfgs, .learning_rate = 1},
        {.steps = 1, .optimizer = OptimizerKind::gd, .precision = Precision::fp32}};
    std::int64_t most = 0;
    for (const Stage& stage : stages) {
        const std::int64_t step =
            meter.loss_step_size(labels.view(), {dim, Real::fp64, stage.precision, 0, 0}).bytes;
        most = std::max(most, step + optimizer_vectors(stage) * (vocab_ + contexts_) * dim * 8);
    }
    Trainer trainer(meter, labels, settings(stages));
    while (!trainer.finished()) trainer.advance();
    EXPECT_EQ(meter.peak, labels_bytes(data_) + (vocab_ + contexts_) * dim * 8 + most);
}

}  // namespace
}  // namespace ntpgeo
