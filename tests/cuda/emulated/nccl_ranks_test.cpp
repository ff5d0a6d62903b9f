// Ranks on GPUs, as threads over an emulated NCCL: rows come where they belong, in the host's memory and the
// device's, and training has the bits of one rank.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/runs/shared_pass.hpp"
#include "engine/training/shared_state.hpp"
#include "engine/training/trainer.hpp"
#include "kernels/team/nccl/team_nccl.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

// Before the first call that asks for them.
[[maybe_unused]] const int gpus = ::setenv("EMULATED_DEVICE_COUNT", "5", 1);

constexpr std::int64_t vocab = 23, contexts = 41, dim = 5, shards = 7;

/// Calls work(team, backend) on so many ranks, each with a GPU of its own.
void on_ranks(int ranks, double deadline, const std::function<void(Team&, Backend&)>& work) {
    const std::string id = new_nccl_id();
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank)
        threads.emplace_back([&, rank] {
            try {
                const auto backend = make_cuda_backend(rank);
                const auto team = join_nccl_ranks(id, {rank, ranks, rank}, deadline);
                work(*team, *backend);
            } catch (...) {
                failures[static_cast<std::size_t>(rank)] = std::current_exception();
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);
}

/// Row offsets of so many ranks, some of which have none.
std::vector<std::int64_t> offsets(int ranks) {
    std::vector<std::int64_t> at{0};
    for (int rank = 0; rank < ranks; ++rank) at.push_back(at.back() + (rank + 1) % 3);
    return at;
}

TEST(NcclRanks, CarryRowsOfTheHostAndOfTheDevice) {
    constexpr std::int64_t width = 3;
    for (const int ranks : {1, 2, 3, 5})
        for (const Where where : {Where::host, Where::device})
            on_ranks(ranks, 60, [&](Team& team, Backend& backend) {
                const int own = team.rank();
                const std::vector<std::int64_t> at = offsets(ranks);
                const std::int64_t rows = at.back(), size = rows * width;
                // With something queued that has not been waited for.
                const auto place = [&](std::vector<double>& host, Array& device) -> void* {
                    if (where == Where::host) return host.data();
                    const auto numbers = static_cast<std::int64_t>(host.size());
                    for (double& value : host) value /= 2;  // until what is queued has happened
                    device = upload_array(backend, host);
                    backend.scale(2, device.vector(Real::fp64, numbers));
                    return device.data();
                };
                const auto read = [&](std::vector<double>& host, const Array& device) {
                    if (where == Where::device) backend.download(device.data(), host.data(), device.bytes());
                };
                std::vector<double> all(static_cast<std::size_t>(size), -1);
                for (std::int64_t i = at[own] * width; i < at[own + 1] * width; ++i)
                    all[i] = static_cast<double>(i);
                Array all_there;
                team.gather(where, width * 8, place(all, all_there), at);
                read(all, all_there);
                for (std::int64_t i = 0; i < size; ++i) ASSERT_EQ(all[i], static_cast<double>(i)) << "gather";

                std::vector<double> full(static_cast<std::size_t>(size), own + 1.0),
                    mine(static_cast<std::size_t>(std::max<std::int64_t>(1, (at[own + 1] - at[own]) * width)),
                         -1);
                Array full_there, mine_there;
                void* const from = place(full, full_there);
                team.sum_scatter(where, Real::fp64, width, from, at, place(mine, mine_there));
                read(mine, mine_there);
                for (std::int64_t i = 0; i < (at[own + 1] - at[own]) * width; ++i)
                    ASSERT_EQ(mine[i], ranks * (ranks + 1) / 2.0) << "sum";

                // To rank k own + k + 1 rows that say where they come from.
                std::vector<std::int64_t> send_at{0}, receive_at{0};
                std::vector<double> sent;
                for (int k = 0; k < ranks; ++k) {
                    send_at.push_back(send_at.back() + own + k + 1);
                    receive_at.push_back(receive_at.back() + own + k + 1);
                    sent.insert(sent.end(), static_cast<std::size_t>((own + k + 1) * width), 100 * own + k);
                }
                std::vector<double> received(static_cast<std::size_t>(receive_at.back() * width), -1);
                Array sent_there, received_there;
                void* const out = place(sent, sent_there);
                team.exchange(where, width * 8, out, send_at, place(received, received_there), receive_at);
                read(received, received_there);
                for (int k = 0; k < ranks; ++k)
                    for (std::int64_t i = receive_at[k] * width; i < receive_at[k + 1] * width; ++i)
                        ASSERT_EQ(received[i], 100 * k + own) << "exchange";
            });
}

// A gather that waits for no more than it needs, and one in two halves with another operation between them.
TEST(NcclRanks, LetGoOnWhatAnOperationDoesNotNeed) {
    constexpr std::int64_t width = 3;
    const char* const defer = std::getenv("EMULATED_DEVICE_DEFER");
    const bool lazy = defer == nullptr || std::string(defer) == "needed";
    for (const int ranks : {2, 5})
        for (const bool in_halves : {false, true})
            on_ranks(ranks, 60, [&](Team& team, Backend& backend) {
                const std::vector<std::int64_t> at = offsets(ranks);
                const std::int64_t size = at.back() * width;
                std::vector<double> all(static_cast<std::size_t>(size), -1);
                for (std::int64_t i = at[team.rank()] * width; i < at[team.rank() + 1] * width; ++i)
                    all[i] = static_cast<double>(i) / 2;
                const Array rows = upload_array(backend, all),
                            others = upload_array(backend, std::vector<double>{3, 4});
                backend.scale(2, rows.vector(Real::fp64, size));
                team.start_after(backend.stream());
                backend.scale(2, others.vector(Real::fp64, 2));
                std::vector<std::int64_t> numbers(static_cast<std::size_t>(ranks), team.rank());
                if (in_halves) {
                    team.begin_gather(width * 8, rows.data(), at);
                    numbers = TeamSums(team, ranks).values(team.rank());
                    team.end_gather();
                } else {
                    team.gather(Where::device, width * 8, rows.data(), at);
                    if (lazy) {
                        EXPECT_EQ(cudaStreamQuery(static_cast<cudaStream_t>(backend.stream())),
                                  cudaErrorNotReady);
                    }
                }
                backend.download(rows.data(), all.data(), size * 8);
                for (std::int64_t i = 0; i < size; ++i) ASSERT_EQ(all[i], static_cast<double>(i));
                EXPECT_EQ(download_array<double>(backend, others.data(), 2), (std::vector<double>{6, 8}));
                EXPECT_EQ(numbers.back(), in_halves ? ranks - 1 : team.rank());
                // What comes next waits for everything again.
                backend.scale(0.5, others.vector(Real::fp64, 2));
                team.gather(Where::device, width * 8, rows.data(), at);
                EXPECT_EQ(cudaStreamQuery(static_cast<cudaStream_t>(backend.stream())), cudaSuccess);
            });
}

TEST(NcclRanks, WaitForTheFirstOneHoweverLong) {
    on_ranks(3, 0.5, [](Team& team, Backend&) {
        const int status = team.at_first([] {
            std::this_thread::sleep_for(std::chrono::milliseconds(1200));
            return 7;
        });
        EXPECT_EQ(status, 7);
    });
}

TEST(NcclRanks, EndWhereOneOfThemIsNotThere) {
    std::vector<std::string> said(3);
    on_ranks(3, 0.3, [&](Team& team, Backend&) {
        if (team.rank() == 1) return;
        double number = 0;
        try {
            team.gather(Where::host, 8, &number, std::vector<std::int64_t>{0, 1, 1, 1});
        } catch (const TeamFailure& failure) {
            said[static_cast<std::size_t>(team.rank())] = failure.what();
        }
    });
    EXPECT_NE(said[0].find("rank 0 of 3 has waited 0 s in a gather (operation 1): another rank has stopped"),
              std::string::npos)
        << said[0];
    EXPECT_NE(said[2], "");
}

TEST(NcclRanks, SizesThatDoNotFitAreAnErrorOfNccl) {
    std::vector<std::string> said(2);
    on_ranks(2, 5, [&](Team& team, Backend&) {
        std::vector<double> rows(4);
        const std::vector<std::int64_t> at{0, 1, team.is_first() ? 2 : 3};
        try {
            team.gather(Where::host, 8, rows.data(), at);
        } catch (const TeamFailure& failure) {
            said[static_cast<std::size_t>(team.rank())] = failure.what();
        }
    });
    for (const std::string& line : said)
        EXPECT_NE(line.find("NCCL in a gather: "), std::string::npos) << line;
}

std::vector<StateTensor> trained(int ranks, const std::vector<Stage>& stages,
                                 SumOrder order = SumOrder::ordered) {
    const Dataset data = random_dataset(vocab, contexts, 17, 1, 6, 11);
    std::vector<StatePart> parts(static_cast<std::size_t>(ranks));
    on_ranks(ranks, 60, [&](Team& team, Backend& backend) {
        const TeamSums sums(team, shards, order);
        const SharedRows rows(sums, backend, data);
        TrainingSettings settings;
        settings.dim = dim;
        settings.seed = 7;
        settings.stages = stages;
        Trainer trainer(backend, rows, settings);
        while (!trainer.finished()) trainer.advance();
        trainer.settle();
        parts[static_cast<std::size_t>(team.rank())] = {rows.words(), rows.contexts(),
                                                        trainer.save().tensors};
    });
    return own_rows(parts, {0, vocab}, {0, contexts});
}

TEST(NcclRanks, TrainToTheBitsOfOne) {
    const std::vector<std::pair<const char*, std::vector<Stage>>> ways{
        {"adam in bf16", {{.steps = 6, .precision = Precision::bf16}}},
        {"adam with lambda", {{.steps = 6, .lambda_start = 1e-2, .lambda_end = 1e-3}}},
        {"a batch", {{.steps = 6, .batch = 9}}},
        {"lbfgs", {{.steps = 4, .optimizer = OptimizerKind::lbfgs, .learning_rate = 1}}},
        {"ngd", {{.steps = 4, .optimizer = OptimizerKind::ngd}}},
        {"stages",
         {{.steps = 3},
          {.steps = 3, .optimizer = OptimizerKind::momentum, .frozen = Frozen::words},
          {.steps = 3, .precision = Precision::bf16},
          {.steps = 2, .frozen = Frozen::contexts},
          {.steps = 2, .optimizer = OptimizerKind::gd, .batch = 7}}}};
    int ranks = 2;
    for (const auto& [name, stages] : ways) {
        SCOPED_TRACE(name);
        const std::vector<StateTensor> alone = trained(1, stages), found = trained(ranks, stages);
        ASSERT_EQ(found.size(), alone.size());
        for (std::size_t i = 0; i < found.size(); ++i)
            EXPECT_EQ(found[i].bytes, alone[i].bytes) << found[i].name << " of " << ranks;
        ranks = ranks == 2 ? 3 : ranks == 3 ? 5 : 2;
    }
}

std::vector<double> values(const StateTensor& tensor) {
    std::vector<double> result(tensor.bytes.size() / sizeof(double));
    std::memcpy(result.data(), tensor.bytes.data(), tensor.bytes.size());
    return result;
}

TEST(NcclRanks, TrainAsWithoutShardsButForRounding) {
    const std::vector<Stage> stages{{.steps = 6, .precision = Precision::fp64}};
    const std::vector<StateTensor> ordered = trained(2, stages), fast = trained(2, stages, SumOrder::fast);
    const auto backend = make_cuda_backend(0);
    const Dataset data = random_dataset(vocab, contexts, 17, 1, 6, 11);
    const Labels labels(*backend, data);
    TrainingSettings settings;
    settings.dim = dim;
    settings.seed = 7;
    settings.stages = stages;
    Trainer trainer(*backend, labels, settings);
    while (!trainer.finished()) trainer.advance();
    trainer.settle();
    const std::vector<StateTensor> whole = trainer.save().tensors;
    for (const auto* found : {&ordered, &fast})
        for (std::size_t i = 0; i < 2; ++i) {
            ASSERT_EQ((*found)[i].name, whole[i].name);
            const std::vector<double> one = values((*found)[i]), other = values(whole[i]);
            ASSERT_EQ(one.size(), other.size());
            for (std::size_t k = 0; k < one.size(); ++k) ASSERT_NEAR(one[k], other[k], 1e-9) << whole[i].name;
        }
}

TEST(NcclRanks, MakeTheBitsOfARecordsPass) {
    const Dataset data = random_dataset(vocab, contexts, 17, 1, 6, 11);
    const std::vector<double> words = random_values(vocab * dim, 1, 5),
                              of_contexts = random_values(contexts * dim, 1, 6);
    const auto pass_of = [&](int ranks) {
        LossPass pass;
        on_ranks(ranks, 60, [&](Team& team, Backend& backend) {
            const TeamSums sums(team, shards);
            const SharedRows rows(sums, backend, data);
            const auto own = [&](const std::vector<double>& all, const RowRange& range) {
                return upload_array(backend, std::vector<double>(all.begin() + range.first * dim,
                                                                 all.begin() + range.end * dim));
            };
            const Array w = own(words, rows.words()), h = own(of_contexts, rows.contexts());
            LossPass found =
                shared_pass(backend, rows, w.matrix(Real::fp64, rows.words().size(), dim),
                            h.matrix(Real::fp64, rows.contexts().size(), dim), 1e-2, Precision::fp64);
            if (team.is_first()) pass = std::move(found);
        });
        return pass;
    };
    const LossPass alone = pass_of(1), found = pass_of(3);
    EXPECT_EQ(found.excess_loss, alone.excess_loss);
    EXPECT_EQ(found.grad_norm, alone.grad_norm);
    EXPECT_EQ(found.support_logits, alone.support_logits);
    EXPECT_EQ(found.off_support_max, alone.off_support_max);
    EXPECT_EQ(found.off_support_square, alone.off_support_square);
    EXPECT_GT(found.grad_norm, 0);
}

}  // namespace
}  // namespace ntpgeo
