// A gradient of exactly 0: no optimizer leaves such a point, and each says that it is at one.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/training/trainer.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

class Stationary : public testing::Test {
  protected:
    static TrainingSettings at(double init_scale, const std::vector<Stage>& stages) {
        TrainingSettings settings;
        settings.dim = dim;
        settings.init_scale = init_scale;
        settings.stages = stages;
        return settings;
    }
    std::vector<double> values(const Trainer& trainer) {
        return download_array<double>(*backend_, trainer.words().data, size);
    }
    void set(const Trainer& trainer, double word_entries, double context_entries) {
        std::vector<double> all(static_cast<std::size_t>(size), context_entries);
        std::fill_n(all.begin(), vocab * dim, word_entries);
        backend_->upload(all.data(), trainer.words().data, size * 8);
    }

    static constexpr std::int64_t vocab = 9, contexts = 14, dim = 4, size = (vocab + contexts) * dim;
    Dataset data_ = random_dataset(vocab, contexts, 6, 1, 4, 11);
    std::unique_ptr<Backend> backend_ = make_cpu_backend();
    Labels labels_{*backend_, data_};
};

TEST_F(Stationary, EveryOptimizerSaysThatTheSaddleHoldsIt) {
    for (const OptimizerRow& row : optimizer_table) {
        for (const double lambda : {0.0, 1e-3}) {
            SCOPED_TRACE(std::string(row.name) + ", lambda " + std::to_string(lambda));
            const Stage stage{
                .steps = 5, .optimizer = row.kind, .lambda_start = lambda, .lambda_end = lambda};
            Trainer trainer(*backend_, labels_, at(0, {stage}));
            EXPECT_FALSE(trainer.stationary());
            while (!trainer.finished()) {
                trainer.advance();
                EXPECT_TRUE(trainer.stationary());
            }
            for (const double value : values(trainer)) EXPECT_EQ(value, 0);
            // L-BFGS ends its stage, as at its noise floor; the others' updates are counted.
            const bool ends = row.kind == OptimizerKind::lbfgs;
            EXPECT_EQ(trainer.at_noise_floor(), ends);
            EXPECT_EQ(trainer.step(), ends ? 0 : 5);

            Trainer elsewhere(*backend_, labels_, at(1, {stage}));
            while (!elsewhere.finished()) {
                elsewhere.advance();
                EXPECT_FALSE(elsewhere.stationary());
            }
        }
    }
}

TEST_F(Stationary, EachStageLooksAnew) {
    const Stage adam{.steps = 2}, lbfgs{.steps = 2, .optimizer = OptimizerKind::lbfgs},
        gd{.steps = 3, .optimizer = OptimizerKind::gd};
    Trainer trainer(*backend_, labels_, at(0, {adam, lbfgs, gd}));
    while (!trainer.finished()) {
        trainer.advance();
        EXPECT_TRUE(trainer.stationary());
    }
    EXPECT_EQ(trainer.step(), 5);
    EXPECT_FALSE(trainer.at_noise_floor());
}

// With W = 0 frozen the gradient of H is 0 wherever H is.
TEST_F(Stationary, DecayAndVelocityMoveWhatTheGradientLeavesAlone) {
    for (const double lambda : {0.0, 1e-2}) {
        const Stage decay{.steps = 4,
                          .optimizer = OptimizerKind::adamw,
                          .lambda_start = lambda,
                          .lambda_end = lambda,
                          .frozen = Frozen::words};
        Trainer trainer(*backend_, labels_, at(1, {decay}));
        set(trainer, 0, 1);
        while (!trainer.finished()) trainer.advance();
        EXPECT_EQ(trainer.stationary(), lambda == 0);
        EXPECT_EQ(values(trainer).back() < 1, lambda > 0);
    }
    for (const OptimizerKind kind : {OptimizerKind::momentum, OptimizerKind::sign, OptimizerKind::adam}) {
        SCOPED_TRACE(row_of(kind).name);
        const Stage stage{.steps = 6, .optimizer = kind, .frozen = Frozen::words, .momentum = 0.9};
        Trainer trainer(*backend_, labels_, at(1, {stage}));
        trainer.advance();
        set(trainer, 0, 1);  // from here on there is no gradient, but there is what the first one left
        for (int k = 0; k < 5; ++k) {
            const std::vector<double> before = values(trainer);
            trainer.advance();
            EXPECT_FALSE(trainer.stationary());
            EXPECT_NE(values(trainer), before);
        }
    }
}

TEST_F(Stationary, ZeroIsExactlyZero) {
    const Array array(*backend_, 3 * 8);
    const Vector vector = array.vector(Real::fp64, 3);
    const auto zero = [&](const std::vector<double>& numbers) {
        backend_->upload(numbers.data(), vector.data, 24);
        const bool result = is_zero(*backend_, vector, [&] { return backend_->dot(vector, vector); });
        EXPECT_EQ(download_array<double>(*backend_, vector.data, 3), numbers);
        return result;
    };
    EXPECT_TRUE(zero({0, -0.0, 0}));
    for (const double tiny : {5e-324, 3e-310, 1e-250, 1e-170, 1e-162})
        EXPECT_FALSE(zero({0, tiny, 0})) << tiny;
    EXPECT_FALSE(zero({0, 1, 0}));
}

}  // namespace
}  // namespace ntpgeo
