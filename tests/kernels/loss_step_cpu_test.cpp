// What of the loss step is the CPU's alone: threads.
#include <gtest/gtest.h>

#include "kernels/cpu/team.hpp"
#include "tests/loss_checks.hpp"

namespace ntpgeo {
namespace {

TEST(LossStepCpu, GivesTheSameBitsForAnyNumberOfThreads) {
    const Problem problem = random_problem(64, 900, 12, 1, 5);
    const auto step = [&](int threads) {
        set_team(threads);
        return run_step(problem.data, problem.words, problem.contexts, {12, Real::fp64, Precision::fp32});
    };
    const int threads = team_size();
    const StepResult one = step(1), three = step(3);
    set_team(threads);
    expect_same_bits(three, one);
}

}  // namespace
}  // namespace ntpgeo
