// Design 1.2's claim: with fp32 products the gradient keeps its digits along a whole run,
// where the usual softmax-minus-label loses them; and the two regimes that the claim leaves out.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/gradient_states.hpp"

namespace ntpgeo {
namespace {

TEST(GradientPrecision, Fp32ProductsKeepSixDigitsDownToAnExcessOf1e9) {
    double usual_error = 0;
    const int marks = visit_interpolating_run(
        30, [&](const Dataset& data, const Factors& factors, const StepResult& exact) {
            const double excess = exact.sums.excess_loss;
            const StepResult fp32 =
                run_step(data, factors.words, factors.contexts, {30, Real::fp64, Precision::fp32});
            const double error = gradient_error(fp32, exact).norm;
            usual_error = gradient_error(usual_fp32(data, factors, 30), exact).norm;
            EXPECT_LT(error, 1e-6) << "at excess " << excess;
            EXPECT_NEAR(fp32.sums.excess_loss / excess, 1, 1e-6);
            // From an fp32 master: its support logits are products of fp32 numbers, and summed in fp64.
            const Factors narrow = in_fp32(factors);
            const StepResult narrow_exact = run_step(data, narrow.words, narrow.contexts, {30}),
                             from_fp32 = run_step(data, narrow.words, narrow.contexts,
                                                  {30, Real::fp32, Precision::fp32});
            const double narrow_error = gradient_error(from_fp32, narrow_exact).norm;
            EXPECT_LT(narrow_error, 1e-6) << "from fp32 at excess " << excess;
            EXPECT_NEAR(from_fp32.sums.excess_loss / narrow_exact.sums.excess_loss, 1, 1e-6);
            std::printf("excess %.0e: anchored fp32 %.1e, of an fp32 master %.1e, usual fp32 %.1e\n", excess,
                        error, narrow_error, usual_error);
        });
    EXPECT_GE(marks, 7) << "the run did not interpolate";
    EXPECT_GT(usual_error, 1e-2) << "the usual form should have lost its digits by now";
}

double fp32_error(const StationaryState& state, std::int64_t dim, double lambda) {
    const StepResult fp32 = run_step(state.data, state.factors.words, state.factors.contexts,
                                     {dim, Real::fp64, Precision::fp32}, lambda);
    return gradient_error(fp32, state.exact).norm * state.gradient;
}

TEST(GradientPrecision, WithARidgeTheErrorIsAFractionOfTheLossGradient) {
    const StationaryState end = stationary_state(20, 1e-3, 400);
    const double error = fp32_error(end, 20, 1e-3);
    std::printf("lambda 1e-3: error %.1e, gradient %.1e, loss gradient %.1e\n", error, end.gradient,
                end.loss_gradient);
    ASSERT_LT(end.gradient, 1e-3 * end.loss_gradient) << "not near the stationary point";
    EXPECT_LT(error, 1e-6 * end.loss_gradient);
}

TEST(GradientPrecision, WithoutRoomToInterpolateTheErrorIsAFractionOfWhatCancels) {
    // At d = 3 the contexts' gradients do not vanish one by one: GHᵀ itself is a sum that cancels.
    const StationaryState end = stationary_state(3, 0, 400);
    const double terms = cancelling_terms(end, 3), error = fp32_error(end, 3, 0);
    std::printf("d = 3: excess %.2e, error %.1e, gradient %.1e, its terms %.1e\n", end.exact.sums.excess_loss,
                error, end.gradient, terms);
    ASSERT_GT(end.exact.sums.excess_loss, 1e-3) << "d = 3 should not interpolate";
    EXPECT_LT(error, 1e-6 * terms);
}

}  // namespace
}  // namespace ntpgeo
