// The CPU's team of threads: every part done once, whoever comes; failures; callers beside each other; forks;
// and sleep.
#include "kernels/cpu/team.hpp"

#include <gtest/gtest.h>
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace ntpgeo {
namespace {

/// As many threads as a test wants, whatever the machine has.
class CpuTeam : public ::testing::Test {
  protected:
    CpuTeam() : threads_(team_size()) { set_team(4); }
    ~CpuTeam() override { set_team(threads_); }

  private:
    int threads_;
};

std::vector<int> visits(std::int64_t count, std::int64_t chunk, int threads) {
    std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
    for_each(count, chunk, threads, [&](std::int64_t i) { ++seen[i]; });
    return {seen.begin(), seen.end()};
}

TEST_F(CpuTeam, DoesEveryPartOnce) {
    for (const std::int64_t count : {0, 1, 2, 7, 64, 1000, 1001})
        for (const std::int64_t chunk : {1, 3, 64, 5000})
            for (const int threads : {1, 2, 4, 9})
                EXPECT_EQ(visits(count, chunk, threads), std::vector<int>(count, 1))
                    << count << " in parts of " << chunk << " on " << threads;
}

TEST_F(CpuTeam, HasOneLoopAfterTheOther) {
    std::vector<std::int64_t> values(1000);
    for (int turn = 0; turn < 2000; ++turn)  // a part that is done late would be seen in the next loop
        for_each(1000, 10, 4, [&](std::int64_t i) { values[i] = values[i] * 3 % 1009 + turn; });
    std::int64_t expected = 0;
    for (int turn = 0; turn < 2000; ++turn) expected = expected * 3 % 1009 + turn;
    EXPECT_EQ(values, std::vector<std::int64_t>(1000, expected));
}

TEST_F(CpuTeam, GivesThreadsThatAreAtWorkAtOnceIndicesOfTheirOwn) {
    std::vector<std::atomic<int>> at_work(4);
    std::atomic<int> clashes = 0;
    share_loop(400, 1, 4, [&](Parts& parts) {
        ASSERT_LT(parts.thread(), 4);
        if (++at_work[parts.thread()] != 1) ++clashes;
        for_each_of(parts, [](std::int64_t) { std::this_thread::sleep_for(std::chrono::microseconds(20)); });
        --at_work[parts.thread()];
    });
    EXPECT_EQ(clashes, 0);
}

TEST_F(CpuTeam, RunsALoopWithinALoopAndBesideOne) {
    std::atomic<int> sum = 0;
    for_each(8, 1, 4,
             [&](std::int64_t) { for_each(10, 1, 4, [&](std::int64_t i) { sum += static_cast<int>(i); }); });
    EXPECT_EQ(sum, 8 * 45);
    std::vector<std::thread> callers;
    sum = 0;
    for (int caller = 0; caller < 3; ++caller)
        callers.emplace_back([&] {
            for (int turn = 0; turn < 200; ++turn)
                for_each(10, 1, 4, [&](std::int64_t i) { sum += static_cast<int>(i); });
        });
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(sum, 3 * 200 * 45);
}

TEST_F(CpuTeam, ThrowsWhatAPartThrewAndWorksOn) {
    for (const int threads : {1, 4}) {
        std::atomic<int> done = 0;
        EXPECT_THROW(for_each(1000, 1, threads,
                              [&](std::int64_t i) {
                                  if (i == 5) throw std::runtime_error("the sixth");
                                  ++done;
                              }),
                     std::runtime_error);
        EXPECT_LT(done, 1000);
        EXPECT_EQ(visits(100, 1, threads), std::vector<int>(100, 1));
    }
}

TEST_F(CpuTeam, KeepsOpenBlasOnItsThreadAndOpenMpAsItWas) {
    const int before = omp_get_max_threads();
    std::atomic<int> most = 0;
    for_each(64, 1, 4, [&](std::int64_t) {
        const int here = omp_get_max_threads();
        if (here > most) most = here;
    });
    EXPECT_EQ(most, 1);
    EXPECT_EQ(omp_get_max_threads(), before);
}

#ifndef __SANITIZE_THREAD__  // which does not run a child that has threads
TEST_F(CpuTeam, IsMadeAgainInAForkedChild) {
    visits(100, 1, 4);
    const pid_t child = fork();
    if (child == 0) _exit(visits(100, 1, 2) == std::vector<int>(100, 1) ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(visits(100, 1, 4), std::vector<int>(100, 1));
}
#endif

#ifdef __linux__
/// Threads of this process that run or wait for a processor.
int threads_awake() {
    int awake = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream file(task.path() / "stat");
        std::string line;
        std::getline(file, line);
        if (const auto name = line.rfind(") "); name != std::string::npos && line[name + 2] == 'R') ++awake;
    }
    return awake;
}

TEST_F(CpuTeam, SleepsWhenThereIsNothingToDo) {
    visits(10000, 1, 4);
    // Some microseconds; a machine that is busy gets as long as it takes.
    for (int look = 0; look < 1000 && threads_awake() > 1; ++look)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(threads_awake(), 1);
}

TEST_F(CpuTeam, WaitsAwakeWhereItIsTold) {
    set_team(4, Waiting::awake);
    visits(10000, 1, 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_GT(threads_awake(), 1);
}
#endif

}  // namespace
}  // namespace ntpgeo
