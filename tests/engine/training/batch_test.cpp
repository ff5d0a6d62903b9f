// Mini-batches of contexts: what is drawn, and what an update of a batch does and leaves alone.
#include "engine/training/batch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "engine/training/trainer.hpp"
#include "kernels/base/status.hpp"
#include "tests/oracle.hpp"
#include "tests/problems.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t vocab = 9, contexts = 14, dim = 4;

TEST(BatchSampler, AnEpochHoldsEveryContextOnceInARandomOrder) {
    std::vector<double> probs(contexts);
    for (std::int64_t j = 0; j < contexts; ++j) probs[j] = static_cast<double>(j + 1) / 105;
    BatchSampler sampler(3, probs, 4, Sampling::once);
    std::set<std::vector<std::int64_t>> orders;
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
        std::multiset<std::int64_t> seen;
        std::vector<std::int64_t> order;
        for (std::int64_t k = 0; k < 4; ++k) {
            const Batch batch = sampler.draw(4 * epoch + k, 100 + 4 * epoch + k);
            ASSERT_EQ(batch.contexts.size(), k < 3 ? 4U : 2U);
            EXPECT_TRUE(std::is_sorted(batch.contexts.begin(), batch.contexts.end()));
            for (std::size_t i = 0; i < batch.contexts.size(); ++i)
                EXPECT_EQ(batch.weights[i], probs[batch.contexts[i]] * 3.5);
            seen.insert(batch.contexts.begin(), batch.contexts.end());
            order.insert(order.end(), batch.contexts.begin(), batch.contexts.end());
        }
        EXPECT_EQ(seen.size(), 14U);
        EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), 14U);
        orders.insert(order);
    }
    EXPECT_EQ(orders.size(), 3U);
    // Whatever was drawn before, a batch follows from seed, step and update.
    BatchSampler again(3, probs, 4, Sampling::once), other(4, probs, 4, Sampling::once);
    EXPECT_EQ(again.draw(6, 106).contexts, sampler.draw(6, 106).contexts);
    EXPECT_NE(other.draw(6, 106).contexts, again.draw(6, 106).contexts);
}

TEST(BatchSampler, DrawsByWeightAreTheWholeLossInExpectation) {
    const std::vector<double> probs{0.5, 0.125, 0.25, 0.0625, 0.0625};
    BatchSampler sampler(1, probs, 3, Sampling::weights);
    constexpr int draws = 20000;
    std::vector<double> mean(5);
    for (int t = 0; t < draws; ++t) {
        const Batch batch = sampler.draw(t, t);
        double sum = 0;
        for (std::size_t i = 0; i < batch.contexts.size(); ++i) {
            mean[batch.contexts[i]] += batch.weights[i] / draws;
            sum += batch.weights[i];
            if (i > 0) {
                ASSERT_LT(batch.contexts[i - 1], batch.contexts[i]);
            }
        }
        ASSERT_NEAR(sum, 1, 1e-15);
    }
    // Five standard deviations.
    for (std::size_t j = 0; j < 5; ++j)
        EXPECT_NEAR(mean[j], probs[j], 5 * std::sqrt(probs[j] * (1 - probs[j]) / (3.0 * draws)));
}

class Batches : public testing::Test {
  protected:
    static TrainingSettings settings(const std::vector<Stage>& stages, Real master = Real::fp64) {
        TrainingSettings all;
        all.dim = dim;
        all.master = master;
        all.seed = 7;
        all.stages = stages;
        return all;
    }
    static void advance(Trainer& trainer, int updates) {
        for (int t = 0; t < updates; ++t) trainer.advance();
        trainer.settle();
    }
    TrainerState trained(const std::vector<Stage>& stages, Real master = Real::fp64) {
        Trainer trainer(*backend_, labels_, settings(stages, master));
        while (!trainer.finished()) trainer.advance();
        trainer.settle();
        return trainer.save();
    }
    static void expect_same(const TrainerState& a, const TrainerState& b) {
        EXPECT_EQ(a.position, b.position);
        ASSERT_EQ(a.tensors.size(), b.tensors.size());
        for (std::size_t i = 0; i < a.tensors.size(); ++i) {
            EXPECT_EQ(a.tensors[i].name, b.tensors[i].name);
            EXPECT_EQ(a.tensors[i].bytes, b.tensors[i].bytes) << a.tensors[i].name;
        }
    }
    std::vector<double> values(const Trainer& trainer) {
        return download_array<double>(*backend_, trainer.words().data, (vocab + contexts) * dim);
    }

    Dataset data_ = random_dataset(vocab, contexts, 6, 1, 4, 11);
    std::unique_ptr<Backend> backend_ = make_cpu_backend();
    Labels labels_{*backend_, data_};
};

const std::vector<OptimizerKind> kinds = {OptimizerKind::gd, OptimizerKind::momentum, OptimizerKind::adam,
                                          OptimizerKind::adamw, OptimizerKind::sign};

TEST_F(Batches, ABatchOfAllContextsIsTheWholeToTheBit) {
    for (const OptimizerKind kind : kinds)
        for (const Frozen frozen : {Frozen::nothing, Frozen::words, Frozen::contexts})
            for (const auto& [master, precision] :
                 {std::pair(Real::fp64, Precision::fp64), std::pair(Real::fp64, Precision::fp32),
                  std::pair(Real::fp32, Precision::fp32)}) {
                SCOPED_TRACE(std::string(row_of(kind).name) + " " + name_of(frozen) + " " + name_of(master) +
                             " " + name_of(precision));
                for (const double lambda : {0.0, 1e-3}) {
                    Stage stage{.steps = 9, .optimizer = kind, .precision = precision, .frozen = frozen};
                    stage.lambda_start = stage.lambda_end = lambda;
                    const TrainerState whole = trained({stage}, master);
                    stage.batch = contexts;
                    expect_same(trained({stage}, master), whole);
                }
            }
}

// Of many contexts the loss step makes groups, whose sums are added: those of the batch must be the whole's.
TEST_F(Batches, ABatchOfManyContextsIsCutAsTheWholeIs) {
    const Dataset data = random_dataset(30, 700, 40, 1, 9, 5);
    const Labels labels(*backend_, data);
    std::vector<TrainerState> states;
    for (const std::int64_t batch : {0, 700}) {
        Trainer trainer(*backend_, labels, settings({{.steps = 4, .batch = batch}}));
        advance(trainer, 4);
        states.push_back(trainer.save());
    }
    expect_same(states[1], states[0]);
}

TEST_F(Batches, GoOnBitForBit) {
    for (const Sampling sampling : {Sampling::once, Sampling::weights})
        for (const OptimizerKind kind : kinds) {
            SCOPED_TRACE(std::string(row_of(kind).name) + " " + name_of(sampling));
            Stage batch{.steps = 9, .optimizer = kind, .batch = 5, .sampling = sampling};
            if (kind == OptimizerKind::adam) {  // λ that falls
                batch.lambda_start = 1e-2;
                batch.lambda_end = 1e-3;
            }
            const Stage whole{.steps = 2, .optimizer = kind};
            const std::vector<Stage> stages{batch, whole, batch, batch};
            const TrainerState straight = trained(stages);
            for (const int cut : {1, 4, 9, 10, 13, 25}) {
                Trainer first(*backend_, labels_, settings(stages));
                advance(first, cut);
                Trainer second(*backend_, labels_, settings(stages));
                advance(second, 1);
                second.load(first.save());
                advance(second, 100);
                expect_same(second.save(), straight);
                advance(first, 100);  // saved in between
                expect_same(first.save(), straight);
            }
        }
}

// Plain descent written down, with the batches that the sampler gives.
TEST_F(Batches, MoveWordsAndTheirRowsByTheWeighedGradient) {
    for (const auto& [sampling, lambda] :
         {std::pair(Sampling::once, 0.0), std::pair(Sampling::once, 0.02), std::pair(Sampling::weights, 0.0),
          std::pair(Sampling::weights, 0.02)}) {
        SCOPED_TRACE(name_of(sampling));
        constexpr double rate = 0.7;
        const Stage stage{.steps = 12,
                          .optimizer = OptimizerKind::gd,
                          .learning_rate = rate,
                          .lambda_start = lambda,
                          .lambda_end = lambda,
                          .batch = 5,
                          .sampling = sampling};
        Trainer trainer(*backend_, labels_, settings({stage}));
        BatchSampler sampler(7, data_.context_probs, 5, sampling);
        for (int t = 0; t < 12; ++t) {
            std::vector<double> x = values(trainer);
            const Batch batch = sampler.draw(t, t);
            Dataset part = data_;  // contexts that are not in the batch weigh nothing
            part.context_probs.assign(contexts, 0.0);
            std::vector<double> ridge(vocab, lambda);  // of each row of W and H
            ridge.resize(vocab + contexts, 0.0);
            for (std::size_t i = 0; i < batch.contexts.size(); ++i) {
                const std::int64_t j = batch.contexts[i];
                part.context_probs[j] = batch.weights[i];
                // Whatever the sampling, a row's ridge is weighed as its loss is.
                ridge[vocab + j] = lambda * batch.weights[i] / data_.context_probs[j];
            }
            const auto split = x.begin() + vocab * dim;
            const oracle::Loss loss = oracle::loss(part, oracle::dense({x.begin(), split}, vocab, dim),
                                                   oracle::dense({split, x.end()}, contexts, dim));
            for (std::int64_t i = 0; i < (vocab + contexts) * dim; ++i) {
                const std::int64_t row = i / dim, k = i % dim;
                const auto slope = static_cast<double>(row < vocab ? loss.words_gradient[row][k]
                                                                   : loss.contexts_gradient[row - vocab][k]);
                x[i] -= rate * (slope + ridge[row] * x[i]);
            }
            advance(trainer, 1);
            const std::vector<double> found = values(trainer);
            for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(found[i], x[i], 1e-13) << t << " " << i;
        }
    }
}

TEST_F(Batches, LeaveOtherRowsAndTheirMomentsAlone) {
    Trainer trainer(*backend_, labels_, settings({{.steps = 20, .batch = 3, .sampling = Sampling::weights}}));
    BatchSampler sampler(7, data_.context_probs, 3, Sampling::weights);
    TrainerState before = trainer.save();
    for (int t = 0; t < 20; ++t) {
        const Batch batch = sampler.draw(t, t);
        advance(trainer, 1);
        const TrainerState after = trainer.save();
        for (std::size_t k = 1; k < after.tensors.size(); ++k) {  // H, and two moments of W and H
            const std::int64_t first = k == 1 ? 0 : vocab;
            for (std::int64_t j = 0; j < contexts; ++j) {
                const std::size_t row = static_cast<std::size_t>((first + j) * dim) * sizeof(double),
                                  size = dim * sizeof(double);
                const auto row_of_state = [&](const TrainerState& state) {
                    const auto begin = state.tensors[k].bytes.begin() + static_cast<std::ptrdiff_t>(row);
                    return std::vector<std::byte>(begin, begin + static_cast<std::ptrdiff_t>(size));
                };
                const bool in_batch = std::binary_search(batch.contexts.begin(), batch.contexts.end(), j);
                EXPECT_EQ(row_of_state(after) == row_of_state(before), !in_batch)
                    << after.tensors[k].name << ", context " << j << ", update " << t;
            }
        }
        before = after;
    }
}

TEST_F(Batches, ADivergedUpdateIsNamedAndNotMade) {
    Trainer trainer(
        *backend_, labels_,
        settings({{.steps = 50, .optimizer = OptimizerKind::gd, .learning_rate = 1e200, .batch = 4}}));
    EXPECT_THROW(
        {
            for (int t = 0; t < 50; ++t) trainer.advance();
            trainer.settle();
        },
        NonFiniteLoss);
    EXPECT_LT(trainer.step(), 49);
    EXPECT_EQ(trainer.save().tensors.size(), 2U);
}

TEST(BatchSettings, AreRefusedWhereTheyMeanNothing) {
    const auto refused = [](const Stage& stage) {
        RunSettings run;
        run.training.stages = {stage};
        return refusal<InputError>([&] { check(run); });
    };
    expect_contains(refused({.optimizer = OptimizerKind::lbfgs, .learning_rate = 1, .batch = 5}),
                    "batch: lbfgs needs the gradient of all contexts");
    expect_contains(refused({.optimizer = OptimizerKind::ngd, .batch = 5}), "batch: ngd needs");
    expect_contains(
        refused({.optimizer = OptimizerKind::adamw, .lambda_start = 0.1, .lambda_end = 0.1, .batch = 5}),
        "batch: the decay of adamw is of all contexts");
    expect_contains(refused({.kernel = LossKernel::epilogue, .batch = 5}), "epilogue");
    expect_contains(refused({.sampling = Sampling::weights}), "sampling: is that of a batch");
    expect_contains(refused({.batch = -1}), "batch: -1 is not a whole number");
}

}  // namespace
}  // namespace ntpgeo
