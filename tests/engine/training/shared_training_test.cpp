// Training on rows that ranks share: the same bits for any number of ranks, whatever trains.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>

#include "engine/training/shared_state.hpp"
#include "engine/training/trainer.hpp"
#include "tests/problems.hpp"
#include "tests/refusal.hpp"
#include "tests/thread_team.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t vocab = 23, contexts = 41, dim = 5;

class SharedTraining : public testing::Test {
  protected:
    struct Run {
        int ranks = 1;
        std::int64_t shards = 7;
        std::vector<Stage> stages;
        Real master = Real::fp64;
        SumOrder order = SumOrder::ordered;
        std::int64_t updates = 1000;
    };
    using Parts = std::vector<StatePart>;

    static TrainingSettings settings(const Run& run) {
        TrainingSettings all;
        all.dim = dim;
        all.master = run.master;
        all.seed = 7;
        all.stages = run.stages;
        return all;
    }
    /// Trains from the beginning, or from where `before` ended; a part a rank.
    Parts train(const Run& run, const Parts* before = nullptr, Position* position = nullptr) {
        Parts parts(static_cast<std::size_t>(run.ranks));
        const Position start = position ? *position : Position{};
        ThreadJob::run(run.ranks, [&](Team& team) {
            const auto backend = make_cpu_backend();
            const TeamSums sums(team, run.shards, run.order);
            const SharedRows rows(sums, *backend, data_);
            Trainer trainer(*backend, rows, settings(run));
            if (before) trainer.load({start, own_rows(*before, rows.words(), rows.contexts())});
            for (std::int64_t t = 0; t < run.updates && !trainer.finished(); ++t) trainer.advance();
            trainer.settle();
            const TrainerState state = trainer.save();
            parts[static_cast<std::size_t>(team.rank())] = {rows.words(), rows.contexts(), state.tensors};
            if (position && team.is_first()) *position = state.position;
        });
        return parts;
    }
    /// The whole of it.
    static std::vector<StateTensor> whole(const Parts& parts) {
        return own_rows(parts, {0, vocab}, {0, contexts});
    }
    static void expect_same(const std::vector<StateTensor>& found, const std::vector<StateTensor>& expected) {
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            EXPECT_EQ(found[i].name, expected[i].name);
            EXPECT_EQ(found[i].bytes, expected[i].bytes) << found[i].name;
        }
    }
    static std::vector<double> values(const StateTensor& tensor) {
        std::vector<double> result(tensor.bytes.size() / sizeof(double));
        std::memcpy(result.data(), tensor.bytes.data(), tensor.bytes.size());
        return result;
    }

    Dataset data_ = random_dataset(vocab, contexts, 17, 1, 6, 11);
};

std::vector<std::pair<std::string, std::vector<Stage>>> ways() {
    std::vector<std::pair<std::string, std::vector<Stage>>> all;
    for (const OptimizerRow& row : optimizer_table) {
        Stage stage{.steps = 12, .optimizer = row.kind, .learning_rate = row.rate, .momentum = row.beta};
        all.push_back({std::string(row.name), {stage}});
        stage.lambda_start = 1e-2;
        stage.lambda_end = 1e-3;
        all.push_back({std::string(row.name) + " with lambda", {stage}});
        for (const Frozen frozen : {Frozen::words, Frozen::contexts}) {
            stage.frozen = frozen;
            all.push_back({std::string(row.name) + ", frozen " + name_of(frozen), {stage}});
        }
    }
    for (const Sampling sampling : {Sampling::once, Sampling::weights})
        for (const std::int64_t batch : {std::int64_t{3}, std::int64_t{20}, contexts}) {
            Stage stage{.steps = 15, .batch = batch, .sampling = sampling};
            all.push_back({"a batch of " + std::to_string(batch), {stage}});
            stage.lambda_start = stage.lambda_end = 1e-2;
            all.push_back({"a batch of " + std::to_string(batch) + " with lambda", {stage}});
        }
    const Stage adam{.steps = 5}, lbfgs{.steps = 6, .optimizer = OptimizerKind::lbfgs, .learning_rate = 1};
    all.push_back({"stages", {adam, adam, lbfgs, Stage{.steps = 4, .batch = 9}, adam}});
    return all;
}

TEST_F(SharedTraining, HasTheBitsOfOneRankOnAnyNumberOfThem) {
    for (const auto& [name, stages] : ways()) {
        SCOPED_TRACE(name);
        const std::vector<StateTensor> alone = whole(train({.stages = stages}));
        for (const int ranks : {2, 3, 5, 7}) {
            SCOPED_TRACE(ranks);
            expect_same(whole(train({.ranks = ranks, .stages = stages})), alone);
        }
    }
}

TEST_F(SharedTraining, HasThemInEveryPrecisionAndForAnyNumberOfShards) {
    for (const auto& [master, precision] :
         {std::pair(Real::fp64, Precision::fp32), std::pair(Real::fp32, Precision::fp32),
          std::pair(Real::fp64, Precision::fp64)})
        for (const std::int64_t shards : {4, 5, 16, 23}) {
            SCOPED_TRACE(name_of(master) + " " + name_of(precision) + " " + std::to_string(shards));
            const std::vector<Stage> stages{{.steps = 9, .precision = precision}};
            const Run one{.shards = shards, .stages = stages, .master = master};
            const std::vector<StateTensor> alone = whole(train(one));
            for (const int ranks : {2, 3, 4}) {
                Run run = one;
                run.ranks = ranks;
                expect_same(whole(train(run)), alone);
            }
        }
}

TEST_F(SharedTraining, IsTheTrainingWithoutShardsButForRounding) {
    for (const auto& [name, stages] : ways()) {
        if (name.starts_with("sign"))
            continue;  // which turns roundings of a gradient near 0 into whole steps
        SCOPED_TRACE(name);
        const std::vector<StateTensor> shared = whole(train({.ranks = 2, .stages = stages}));
        const auto backend = make_cpu_backend();
        const Labels labels(*backend, data_);
        Trainer trainer(*backend, labels, settings({.stages = stages}));
        while (!trainer.finished()) trainer.advance();
        trainer.settle();
        const TrainerState plain = trainer.save();
        for (std::size_t k = 0; k < 2; ++k) {
            const std::vector<double> found = values(shared[k]), expected = values(plain.tensors[k]);
            ASSERT_EQ(found.size(), expected.size());
            for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-8) << i;
        }
    }
}

TEST_F(SharedTraining, SumsOfTheTransportAreTheSameButForRounding) {
    const std::vector<Stage> stages{{.steps = 9, .optimizer = OptimizerKind::gd}};
    const std::vector<StateTensor> ordered = whole(train({.ranks = 3, .stages = stages})),
                                   fast =
                                       whole(train({.ranks = 3, .stages = stages, .order = SumOrder::fast}));
    for (std::size_t k = 0; k < ordered.size(); ++k)
        for (std::size_t i = 0; i < values(ordered[k]).size(); ++i)
            ASSERT_NEAR(values(fast[k])[i], values(ordered[k])[i], 1e-13);
}

TEST_F(SharedTraining, GoesOnWithAnyNumberOfRanks) {
    for (const auto& [name, stages] : ways()) {
        SCOPED_TRACE(name);
        const std::vector<StateTensor> straight = whole(train({.stages = stages}));
        Position position;
        Parts parts = train({.ranks = 4, .stages = stages, .updates = 4}, nullptr, &position);
        for (const int ranks : {2, 3, 1}) {
            parts = train({.ranks = ranks, .stages = stages, .updates = ranks == 1 ? 1000 : 3}, &parts,
                          &position);
        }
        expect_same(whole(parts), straight);
    }
}

TEST_F(SharedTraining, KnowsItsSquaresAndWhetherItIsAtZero) {
    std::mutex mutex;
    std::map<int, std::array<double, 2>> squares;
    for (const int ranks : {1, 3})
        ThreadJob::run(ranks, [&](Team& team) {
            const auto backend = make_cpu_backend();
            const TeamSums sums(team, 8);
            const SharedRows rows(sums, *backend, data_);
            const Run run{.stages = {{.steps = 1}}};
            Trainer trainer(*backend, rows, settings(run));
            const std::array<double, 2> found{trainer.words_square(), trainer.contexts_square()};
            const bool at_zero = trainer.at_zero();
            backend->fill_zero(trainer.words().flat());
            backend->fill_zero(trainer.contexts().flat());
            const bool then = trainer.at_zero();
            // One number that no square has, on one rank.
            if (team.rank() == team.size() - 1) {
                const double tiny = 5e-324;
                backend->upload(&tiny, trainer.contexts().data, sizeof tiny);
            }
            const bool nearly = trainer.at_zero();
            const std::lock_guard lock(mutex);
            EXPECT_FALSE(at_zero);
            EXPECT_TRUE(then);
            EXPECT_FALSE(nearly);
            squares[ranks] = found;
        });
    EXPECT_EQ(squares[1], squares[3]);
    EXPECT_NEAR(squares[1][0], vocab, 12);
    EXPECT_NEAR(squares[1][1], contexts, 16);
}

TEST_F(SharedTraining, RefusesMoreShardsThanRows) {
    Alone alone;
    const auto backend = make_cpu_backend();
    const TeamSums sums(alone, 24);
    expect_contains(refusal<InputError>([&] { SharedRows(sums, *backend, data_); }),
                    "shards: 24 are more than the 23 words of the data set");
}

TEST_F(SharedTraining, PartsThatDoNotFitAreRefused) {
    const Run run{.ranks = 3, .stages = {{.steps = 1}}};
    Parts parts = train(run);
    Parts missing(parts.begin() + 1, parts.end());
    expect_contains(refusal<InputError>([&] { whole(missing); }), "the saved tensor 'W'");
    parts[1].tensors.pop_back();
    expect_contains(refusal<InputError>([&] { whole(parts); }),
                    "the saved tensor 'optimizer.second_moment.H'");
}

}  // namespace
}  // namespace ntpgeo
