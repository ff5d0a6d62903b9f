// What a loss step promises beside its numbers: however it is cut, whichever gradient is asked for and
// however often it is called, the same; in the memory that it said; and a refusal of what it cannot do.
#include <tuple>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/base/status.hpp"
#include "tests/operations/loss_step_fixture.hpp"

namespace ntpgeo {
namespace {

using LossStep = LossStepTest;

TEST_F(LossStep, OneChunkAndManyGiveTheSameGradient) {
    const std::int64_t m = on_cpu() ? 203 : 61;  // the emulated device takes seconds
    const Problem problem = random_problem(50, m, 9, 1, 4);
    const StepResult expected = reference(problem),
                     whole = step(problem, {9, Real::fp64, Precision::fp64, m, m});
    const std::vector<std::pair<std::int64_t, std::int64_t>> cuts{
        {1, 0},   {1, 1},   {1, 5},    {7, 7},     {7, 21}, {10, 40}, {30, 31},
        {60, 61}, {61, 61}, {64, 128}, {m - 1, m}, {m, m},  {0, 40},  {m + 39, 2 * m + 78}};
    for (const auto& [chunk, group] : cuts)
        for_each_way([&, chunk = chunk, group = group](const LossWay& way) {
            if (!way.is(Real::fp64, Precision::fp64) && !way.is(Real::fp64, three_terms_or_fp32())) return;
            const StepResult cut = step(problem, way.plan(9, chunk, group));
            EXPECT_LT(gradient_error(cut, expected).worst, way.tolerance) << chunk << ' ' << group;
            EXPECT_NEAR(cut.sums.excess_loss / expected.sums.excess_loss, 1, way.tolerance)
                << chunk << ' ' << group;
            if (way.precision != Precision::fp64) return;
            EXPECT_LT(gradient_error(cut, whole).worst, 1e-13) << chunk << ' ' << group;
            EXPECT_NEAR(cut.sums.excess_loss, whole.sums.excess_loss, 1e-13);
        });
}

TEST_F(LossStep, GivesTheSameBitsTwice) {
    for_each_way([&](const LossWay& way) { expect_same_bits_twice(backend(), way.plan(12, 8, 16)); });
}

TEST_F(LossStep, RidgeTermEntersTheGradientAlone) {
    expect_ridge_in_the_gradient_alone(backend(), {4});
}

TEST_F(LossStep, EitherGradientIsMadeAlone) {
    const Problem problem = random_problem(45, on_cpu() ? 300 : 30, 6, 1, 21);
    for_each_way([&](const LossWay& way) {
        expect_either_gradient_alone(backend(), problem, way.plan(6, 8));
        if (!on_cpu()) return;
        expect_either_gradient_alone(backend(), problem, way.plan(6));
        expect_either_gradient_alone(backend(), problem, way.plan(6, 32, 64));
    });
}

TEST_F(LossStep, ReplaysWithOtherParametersAndAnotherLambda) {
    expect_calls_as_of_a_new_step(backend(), {6, Real::fp64, three_terms_or_fp32(), 16, 32});
}

TEST_F(LossStep, TakesTheMemoryItSaidItWould) {
    EXPECT_GT(backend().memory().free, 0);
    EXPECT_GE(backend().memory().total, backend().memory().free);
    if (!bytes_in_use(backend())) GTEST_SKIP() << "nobody here knows how much memory is in use";
    for (const auto& [vocab, contexts, dim] : {std::tuple{700, 900, 48}, {300, 200, 20}}) {
        const Dataset data = random_dataset(vocab, contexts, 40, 1, 9, 22);
        const Labels labels(backend(), data);
        for_each_way([&, contexts = contexts, dim = dim](const LossWay& way) {
            for (const std::int64_t chunk : {0, 16}) {
                const LossStepSize size = expect_memory_as_said(backend(), labels, way.plan(dim, chunk), 20);
                if (chunk > 0 || !on_cpu())  // the CPU cuts even few contexts, for its threads
                    EXPECT_EQ(size.chunk, chunk > 0 ? chunk : contexts);
                else
                    EXPECT_LE(size.chunk, contexts);
                EXPECT_GE(size.chunks_at_once, 1);
            }
        });
    }
}

TEST_F(LossStep, RefusesWhatTheBackendSaysItCannotDo) {
    const Problem problem = random_problem(5, 3, 2, 1, 1);
    int refused = 0;
    for (const Precision precision :
         {Precision::bf16, Precision::bf16x3, Precision::tf32, Precision::fp32, Precision::fp64})
        for (const LossKernel kernel : {LossKernel::automatic, LossKernel::plain, LossKernel::epilogue}) {
            const LossPlan plan{2, Real::fp64, precision, 0, 0, kernel};
            if (!backend().supports(precision) || !backend().why_not(kernel, precision).empty()) {
                EXPECT_THROW(step(problem, plan), InputError);
                ++refused;
            }
        }
    EXPECT_GE(refused, 4);  // the epilogue is for bf16 alone
    // Single and double precision exist everywhere.
    for (const Precision precision : {Precision::fp32, Precision::fp64}) {
        EXPECT_TRUE(backend().supports(precision));
        EXPECT_EQ(backend().why_not(LossKernel::plain, precision), "");
        EXPECT_NE(backend().why_not(LossKernel::epilogue, precision), "");
    }
}

}  // namespace
}  // namespace ntpgeo
