// What of the loss step is the CPU's alone: threads.
#include <gtest/gtest.h>
#include <omp.h>

#include "tests/loss_checks.hpp"

namespace ntpgeo {
namespace {

TEST(LossStepCpu, GivesTheSameBitsForAnyNumberOfThreads) {
    const Problem problem = random_problem(64, 900, 12, 1, 5);
    const auto step = [&](int threads) {
        omp_set_num_threads(threads);
        return run_step(problem.data, problem.words, problem.contexts, {12, Real::fp64, Precision::fp32});
    };
    const int threads = omp_get_max_threads();
    const StepResult one = step(1), three = step(3);
    omp_set_num_threads(threads);
    expect_same_bits(three, one);
}

}  // namespace
}  // namespace ntpgeo
