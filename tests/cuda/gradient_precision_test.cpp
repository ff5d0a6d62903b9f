// Design 1.2's claim on CUDA: the anchored gradient keeps a precision's own digits along a whole
// interpolating run; and the two regimes that the claim leaves out, measured in every precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "tests/cuda/cuda_fixture.hpp"
#include "tests/gradient_states.hpp"

namespace ntpgeo {
namespace {

using CudaGradientPrecision = CudaTest;

struct Bound {
    Precision precision;
    const char* name;
    double error;
    LossKernel kernel = LossKernel::plain;

    [[nodiscard]] LossPlan plan(std::int64_t dim, Real master = Real::fp64) const {
        return {dim, master, precision, 0, 0, kernel};
    }
};
const std::vector<Bound> bounds{
    {Precision::bf16, "bf16", 1e-2}, {Precision::bf16, "bf16 in the epilogue", 1e-2, LossKernel::epilogue},
    {Precision::tf32, "tf32", 1e-3}, {Precision::bf16x3, "bf16x3", 5e-5},
    {Precision::fp32, "fp32", 1e-6}, {Precision::fp64, "fp64", 1e-9}};

TEST_F(CudaGradientPrecision, EveryPrecisionKeepsItsDigitsDownToAnExcessOf1e9) {
    const int marks = visit_interpolating_run(30, [&](const Dataset& data, const Factors& factors,
                                                      const StepResult& exact) {
        std::printf("excess %.0e:", exact.sums.excess_loss);
        const Factors narrow = in_fp32(factors);
        const StepResult narrow_exact = run_step(data, narrow.words, narrow.contexts, {30});
        for (const Bound& bound : bounds) {
            if (!gpu().why_not(bound.kernel, bound.precision).empty()) continue;
            const StepResult step = run_step(gpu(), data, factors.words, factors.contexts, bound.plan(30)),
                             from_fp32 = run_step(gpu(), data, narrow.words, narrow.contexts,
                                                  bound.plan(30, Real::fp32));
            const double error = gradient_error(step, exact).norm,
                         narrow_error = gradient_error(from_fp32, narrow_exact).norm;
            EXPECT_LT(error, bound.error) << bound.name << " at excess " << exact.sums.excess_loss;
            // The gradient of an fp32 master is rounded to fp32.
            EXPECT_LT(narrow_error, std::max(bound.error, 2e-7))
                << bound.name << " from fp32 at excess " << exact.sums.excess_loss;
            std::printf("  %s %.1e (%.1e)", bound.name, error, narrow_error);
        }
        std::printf("  usual fp32 %.1e\n", gradient_error(usual_fp32(data, factors, 30), exact).norm);
    });
    EXPECT_GE(marks, 7) << "the run did not interpolate";
}

/// Prints ‖error‖ and expects it below the precision's bound times `scale`, what the gradient is made of.
void expect_fraction(Backend& backend, const StationaryState& state, std::int64_t dim, double lambda,
                     double scale) {
    std::printf("excess %.1e, gradient %.1e, what cancels in it %.1e; error", state.exact.sums.excess_loss,
                state.gradient, scale);
    for (const Bound& bound : bounds) {
        if (!backend.why_not(bound.kernel, bound.precision).empty()) continue;
        const StepResult step = run_step(backend, state.data, state.factors.words, state.factors.contexts,
                                         bound.plan(dim), lambda);
        const double error = gradient_error(step, state.exact).norm * state.gradient;
        EXPECT_LT(error, bound.error * scale) << bound.name;
        std::printf("  %s %.1e", bound.name, error);
    }
    std::printf("\n");
}

TEST_F(CudaGradientPrecision, WithARidgeTheErrorIsAFractionOfTheLossGradient) {
    const StationaryState end = stationary_state(20, 1e-3, 400);
    ASSERT_LT(end.gradient, 1e-3 * end.loss_gradient) << "not near the stationary point";
    expect_fraction(gpu(), end, 20, 1e-3, end.loss_gradient);
}

TEST_F(CudaGradientPrecision, WithoutRoomToInterpolateTheErrorIsAFractionOfWhatCancels) {
    // Three dimensions make up for it with long embeddings: a logit is off by ‖w‖‖h‖ times the operands'
    // rounding, and what is off the support by as much relatively.
    const StationaryState end = stationary_state(3, 0, 400);
    expect_fraction(gpu(), end, 3, 0, usual_product(end.factors, 3) * cancelling_terms(end, 3));
}

}  // namespace
}  // namespace ntpgeo
