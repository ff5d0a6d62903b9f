// Sums of shards' rows: along one tree, whatever ranks and machines there are.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/team/row_sums.hpp"
#include "kernels/team/team_sums.hpp"
#include "tests/thread_team.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t rows = 29, width = 3;

/// A shard's matrix: numbers whose sums round, each of which fp32 holds.
std::vector<double> of_shard(std::int64_t shard) {
    std::vector<double> numbers;
    for (std::int64_t i = 0; i < rows * width; ++i)
        numbers.push_back(std::ldexp(1.0F / static_cast<float>(3 + (shard + 1) * (i + 7) % 97),
                                     static_cast<int>((11 * shard + i) % 40)));
    return numbers;
}

/// A team whose exchange counts the rows that go to other machines.
class Counting final : public Team {
  public:
    Counting(Team& team, const std::vector<std::int64_t>& machines) : team_(team), machines_(machines) {
        know_machines(machines);
    }
    [[nodiscard]] int rank() const override { return team_.rank(); }
    [[nodiscard]] int size() const override { return team_.size(); }
    void exchange(Where where, std::int64_t row_bytes, const void* send,
                  std::span<const std::int64_t> send_at, void* receive,
                  std::span<const std::int64_t> receive_at) override {
        for (int k = 0; k < size(); ++k)
            if (machines_[k] != machines_[rank()]) far_rows += send_at[k + 1] - send_at[k];
        team_.exchange(where, row_bytes, send, send_at, receive, receive_at);
    }
    void gather(Where where, std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
        team_.gather(where, row_bytes, data, at);
    }
    void sum_scatter(Where where, Real real, std::int64_t columns, const void* full,
                     std::span<const std::int64_t> at, void* own) override {
        team_.sum_scatter(where, real, columns, full, at, own);
    }
    int at_first(const std::function<int()>& work) override { return team_.at_first(work); }
    void end_job(int exit_status) override { team_.end_job(exit_status); }

    std::int64_t far_rows = 0;

  private:
    Team& team_;
    const std::vector<std::int64_t>& machines_;
};

struct Summed {
    std::vector<double> all;    ///< of all ranks
    std::int64_t far_rows = 0;  ///< of all ranks
};

/// Twice, as a run would, of `at_once` shards at a time.
Summed sum(std::int64_t shards, const std::vector<std::int64_t>& machines, std::int64_t at_once = 1,
           Real given = Real::fp64) {
    Summed summed{std::vector<double>(rows * width), 0};
    std::mutex mutex;
    ThreadJob::run(static_cast<int>(machines.size()), [&](Team& ranks) {
        Counting team(ranks, machines);
        const auto backend = make_cpu_backend();
        const TeamSums sums(team, shards);
        RowSums row_sums(sums, *backend, *backend, Real::fp64, rows, width, given);
        const RowRange own = sums.own(rows);
        std::vector<double> found(static_cast<std::size_t>(own.size() * width));
        for (int time = 0; time < 2; ++time) {
            for (std::int64_t s = sums.first_shard(); s < sums.end_shard(); s += at_once) {
                const std::int64_t here = std::min(at_once, sums.end_shard() - s);
                for (std::int64_t k = 0; k < here; ++k) {
                    std::vector<double> numbers = of_shard(s + k);
                    backend->copy({numbers.data(), Real::fp64, rows * width}, row_sums.next(k));
                }
                if (s + here < sums.end_shard())
                    row_sums.push(here);
                else
                    row_sums.finish({found.data(), Real::fp64, own.size() * width}, here);
            }
        }
        const std::lock_guard lock(mutex);
        std::copy(found.begin(), found.end(), summed.all.begin() + own.first * width);
        summed.far_rows += team.far_rows / 2;
    });
    return summed;
}

TEST(RowSums, HaveTheSameBitsWhateverMachinesThereAre) {
    for (const std::int64_t shards : {6, 7, 16}) {
        const std::vector<double> expected = sum(shards, {1}).all;
        double plain = 0;
        for (std::int64_t s = 0; s < shards; ++s) plain += of_shard(s)[5];
        EXPECT_NEAR(expected[5], plain, 1e-15 * plain);
        for (const std::vector<std::int64_t>& machines :
             std::vector<std::vector<std::int64_t>>{{1, 1},
                                                    {1, 2, 3},
                                                    {1, 1, 2, 2},
                                                    {5, 5, 5, 4, 4, 4},
                                                    {1, 1, 2, 2, 3, 3},
                                                    {1, 1, 1, 2, 2},
                                                    {1, 2, 1, 2}}) {
            std::string words = std::to_string(shards) + " shards on";
            for (const std::int64_t machine : machines) words += " " + std::to_string(machine);
            EXPECT_EQ(sum(shards, machines).all, expected) << words;
        }
    }
}

TEST(RowSums, HaveTheSameBitsHoweverManyAreAddedAtOnce) {
    for (const std::int64_t shards : {1, 6, 7, 16, 40}) {
        const std::vector<double> expected = sum(shards, {1}).all;
        for (const std::vector<std::int64_t>& machines :
             std::vector<std::vector<std::int64_t>>{{1}, {1, 1, 2}})
            for (const std::int64_t at_once : {1, 2, 3, 4, 16, 33})
                for (const Real given : {Real::fp64, Real::fp32}) {
                    if (shards < std::ssize(machines)) continue;
                    EXPECT_EQ(sum(shards, machines, at_once, given).all, expected)
                        << shards << " shards on " << machines.size() << ", " << at_once << " at once";
                }
    }
    EXPECT_EQ(RowSums::many_at_once(16, 1), 16);
    EXPECT_EQ(RowSums::many_at_once(24, 1), 16);
    EXPECT_EQ(RowSums::many_at_once(7, 1), 4);
    EXPECT_EQ(RowSums::many_at_once(16, std::int64_t{1} << 28), 4);
    EXPECT_EQ(RowSums::many_at_once(16, std::int64_t{1} << 31), 1);
}

// Four ranks of four shards: one subtree a rank, one a machine.
TEST(RowSums, BetweenMachinesGoesWhatOneRankAMachineWouldSend) {
    EXPECT_EQ(sum(16, {1, 1, 2, 2}).far_rows, rows);
    EXPECT_EQ(sum(16, {1, 2}).far_rows, rows);
    EXPECT_EQ(sum(16, {1, 2, 1, 2}).far_rows, 2 * rows);  // not consecutive: in one level
}

TEST(RowSums, AMachineHasConsecutiveRanksOrNothingIsKnown) {
    const std::map<std::vector<std::int64_t>, int> expected{{{1}, 1},
                                                            {{1, 1}, 2},
                                                            {{1, 2}, 1},
                                                            {{1, 1, 2, 2}, 2},
                                                            {{1, 1, 2}, 1},
                                                            {{1, 2, 1, 2}, 1},
                                                            {{1, 1, 2, 3}, 1},
                                                            {{7, 7, 7}, 3},
                                                            {{1, 1, 2, 2, 1, 1}, 1},
                                                            {{1, 1, 2, 3, 3, 4}, 1}};
    Alone alone;
    for (const auto& [machines, each] : expected) {
        alone.know_machines(machines);
        EXPECT_EQ(alone.ranks_a_machine(), each);
    }
}

}  // namespace
}  // namespace ntpgeo
