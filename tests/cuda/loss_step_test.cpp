// The CUDA loss step against the naive reference and against its CPU twin, in every GEMM precision.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/cuda/cuda_fixture.hpp"
#include "tests/cuda/kept_step.hpp"
#include "tests/loss_fixture.hpp"

namespace ntpgeo {
namespace {

using CudaLossStep = CudaTest;

struct Case {
    Real master;
    Precision precision;
    double tolerance;  ///< for logits of about one nat: in norm, for the worst entry, and for both sums
};
const std::vector<Case> cases{{Real::fp64, Precision::fp64, 1e-12},  {Real::fp64, Precision::fp32, 3e-6},
                              {Real::fp64, Precision::tf32, 1e-3},   {Real::fp64, Precision::bf16, 2e-2},
                              {Real::fp64, Precision::bf16x3, 5e-5}, {Real::fp32, Precision::fp32, 3e-5},
                              {Real::fp32, Precision::bf16, 2e-2},   {Real::fp32, Precision::bf16x3, 5e-5},
                              {Real::fp32, Precision::tf32, 1e-3},   {Real::fp32, Precision::fp64, 3e-5}};

TEST_F(CudaLossStep, AgreesWithTheReferenceAtEveryShapeInEveryPrecision) {
    const std::vector<std::array<std::int64_t, 3>> shapes{{2, 1, 1},   {31, 6, 4},    {32, 1, 8},
                                                          {33, 70, 5}, {129, 20, 16}, {1000, 9, 3}};
    for (const auto& [vocab, contexts, dim] : shapes) {
        const Problem problem = random_problem(vocab, contexts, dim, 0.7, 11);
        for (const Case& c : cases) {
            SCOPED_TRACE(testing::Message() << "V " << vocab << " m " << contexts << " d " << dim << " case "
                                            << &c - cases.data());
            expect_close(gpu(), problem, {dim, c.master, c.precision}, c.tolerance);
        }
    }
}

TEST_F(CudaLossStep, AgreesWithItsCpuTwinWhereARowSpansSeveralBlocks) {
    // One fp64 row of 4,099 logits is cut into three tiles, the last of them nearly empty.
    const Problem problem = random_problem(4099, 5, 7, 0.7, 12);
    const StepResult expected = run_step(problem.data, problem.words, problem.contexts, {7});
    for (const Case& c : cases) {
        const StepResult actual =
            run_step(gpu(), problem.data, problem.words, problem.contexts, {7, c.master, c.precision});
        const GradientError error = gradient_error(actual, expected);
        EXPECT_LT(error.norm, c.tolerance) << &c - cases.data();
        EXPECT_LT(error.worst, c.tolerance) << &c - cases.data();
        EXPECT_NEAR(actual.sums.excess_loss / expected.sums.excess_loss, 1, c.tolerance);
    }
}

TEST_F(CudaLossStep, AddsSlabsOfManyContexts) {
    const Problem problem = random_problem(3, 4100, 2, 0.7, 13);
    const StepResult expected = run_step(problem.data, problem.words, problem.contexts, {2});
    const StepResult actual = run_step(gpu(), problem.data, problem.words, problem.contexts,
                                       {2, Real::fp64, Precision::bf16x3, 4100});
    EXPECT_LT(gradient_error(actual, expected).worst, 5e-5);
}

TEST_F(CudaLossStep, OneChunkAndManyGiveTheSameGradient) {
    const Problem problem = random_problem(50, 61, 9, 1, 4);
    const StepResult whole = run_step(problem.data, problem.words, problem.contexts, {9});
    for (const auto& [chunk, group] :
         {std::pair{1, 0}, {1, 5}, {7, 7}, {7, 21}, {30, 31}, {60, 61}, {61, 61}, {0, 40}, {100, 200}})
        for (const Case& c : {cases[0], cases[4]}) {
            const StepResult cut = run_step(gpu(), problem.data, problem.words, problem.contexts,
                                            {9, c.master, c.precision, chunk, group});
            EXPECT_LT(gradient_error(cut, whole).worst, c.tolerance) << chunk << ' ' << group;
            EXPECT_NEAR(cut.sums.excess_loss / whole.sums.excess_loss, 1, c.tolerance)
                << chunk << ' ' << group;
        }
}

TEST_F(CudaLossStep, GivesTheSameBitsTwice) {
    const Problem problem = random_problem(300, 40, 12, 1, 5);
    for (const Case& c : cases) {
        const LossPlan plan{12, c.master, c.precision, 8, 16};
        const StepResult one = run_step(gpu(), problem.data, problem.words, problem.contexts, plan, 0.1);
        const StepResult two = run_step(gpu(), problem.data, problem.words, problem.contexts, plan, 0.1);
        EXPECT_EQ(one.words_gradient, two.words_gradient);
        EXPECT_EQ(one.contexts_gradient, two.contexts_gradient);
        EXPECT_EQ(one.sums.excess_loss, two.sums.excess_loss);
    }
}

TEST_F(CudaLossStep, RidgeTermEntersTheGradientAlone) {
    expect_ridge_in_the_gradient_alone(gpu(), {4});
}

TEST_F(CudaLossStep, EitherGradientIsMadeAlone) {
    const Problem problem = random_problem(45, 30, 6, 1, 21);
    for (const Case& c : cases) {
        SCOPED_TRACE(&c - cases.data());
        expect_either_gradient_alone(gpu(), problem, {6, c.master, c.precision, 8, 0});
    }
}

TEST_F(CudaLossStep, TakesTheMemoryItSaidItWould) {
    const Dataset data = random_dataset(300, 200, 40, 1, 9, 22);
    const Labels labels(gpu(), data);
    EXPECT_GT(gpu().memory().free, 0);
    EXPECT_GE(gpu().memory().total, gpu().memory().free);
    for (const Case& c : cases)
        for (const std::int64_t chunk : {0, 16}) {
            const LossPlan plan{20, c.master, c.precision, chunk, 0};
            const std::int64_t before = gpu().memory().free;
            const LossStepSize size = gpu().loss_step_size(labels.view(), plan);
            EXPECT_EQ(gpu().memory().free, before);
            const auto step = gpu().make_loss_step(labels.view(), plan);
            const std::int64_t taken = before - gpu().memory().free;
            // A GPU hands out memory in pages of 2 MiB, at most one for each of twenty arrays; the emulated
            // one by the byte, but for alignment.
            constexpr std::int64_t page = std::int64_t{2} << 20;
            EXPECT_NEAR(static_cast<double>(taken), static_cast<double>(size.bytes),
                        20.0 * (taken % page == 0 ? page : 512))
                << &c - cases.data();
            EXPECT_EQ(size.chunk, chunk > 0 ? chunk : 200);
        }
}

TEST_F(CudaLossStep, RedoesAContextWhoseOffSupportLogitsTowerOverTheAnchor) {
    // Context 0 puts 80 nats on a word off its support (2^40 is 28), context 1 puts 1,500, context 2 is
    // ordinary.
    const Dataset data = make_dataset(4, {{0, 1}, {1}, {2, 3}}, {{0.25, 0.75}, {1.0}, {0.5, 0.5}});
    const Problem problem = with_logits(data, {{0, 1, 80, 0}, {1500, 0, 3, 0}, {0, 0, 2, 1}});
    for (const Case& c : cases) expect_close(gpu(), problem, {4, c.master, c.precision}, c.tolerance);
}

TEST_F(CudaLossStep, TakesProbabilitiesDownTo1e290) {
    const Dataset data = make_dataset(3, {{0, 1}, {0, 2}}, {{1e-290, 1 - 1e-290}, {0.5, 0.5}});
    expect_close(gpu(), with_logits(data, {{0, 1, -3}, {1, 2, 0}}), {3}, 1e-12);
    expect_close(gpu(), with_logits(data, {{-660, 1, -3}, {1, 2, 0}}), {3}, 1e-12);
}

TEST_F(CudaLossStep, FullSupportsHaveNoMassOutside) {
    const Dataset data = make_dataset(3, {{0, 1, 2}}, {{0.2, 0.3, 0.5}});
    const Problem problem = with_logits(data, {{1, -2, 0.5}});
    EXPECT_EQ(run_step(gpu(), problem.data, problem.words, problem.contexts, {3}).sums.off_support_mass, 0);
    expect_close(gpu(), problem, {3}, 1e-12);
    const Dataset single = make_dataset(1, {{0}, {0}}, {{1.0}, {1.0}});
    const StepResult nothing = run_step(gpu(), single, {2.5}, {1.0, -3.0}, {1});
    EXPECT_EQ(nothing.sums.excess_loss, 0);
    EXPECT_EQ(nothing.words_gradient, std::vector<double>{0});
}

TEST_F(CudaLossStep, ExcessIsRightToSixDigitsAtTenToTheMinusTwelve) {
    const Dataset data = make_dataset(40, {{0, 1, 2}, {3, 4}}, {{0.2, 0.3, 0.5}, {0.6, 0.4}});
    const double e = 1e-6;
    std::vector<double> first(40, -40.0), second(40, -38.0);
    for (int s = 0; s < 3; ++s) first[static_cast<std::size_t>(s)] = std::log(data.probs[s]) + e * (s - 1.3);
    for (int s = 0; s < 2; ++s)
        second[static_cast<std::size_t>(s) + 3] = std::log(data.probs[3 + s]) + e * (0.4 - s);
    const Problem problem = with_logits(data, {first, second});
    const StepResult expected = reference(problem);
    ASSERT_LT(expected.sums.excess_loss, 2e-12);
    for (const Precision precision : {Precision::fp64, Precision::fp32, Precision::tf32, Precision::bf16}) {
        // 1.5e-4 of this excess is mass off the support, which has the precision of the products.
        const double tolerance = precision == Precision::bf16 ? 1e-5 : 1e-6;
        const StepResult actual =
            run_step(gpu(), problem.data, problem.words, problem.contexts, {40, Real::fp64, precision});
        EXPECT_NEAR(actual.sums.excess_loss / expected.sums.excess_loss, 1, tolerance);
    }
}

TEST_F(CudaLossStep, ColumnsOfTheGradientSumToZeroInEveryPrecision) {
    // With W = I, dH is the transposed gradient of CE. The support takes what the rounded rest leaves.
    for (const Case& c : cases)
        for (const double off : {0.0, -25.0}) {
            const Dataset data = random_dataset(30, 20, 9, 1, 6, 3);
            std::vector<std::vector<double>> columns(20, std::vector<double>(30, off));
            for (std::int64_t j = 0; j < 20; ++j)
                for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
                    columns[static_cast<std::size_t>(j)][static_cast<std::size_t>(data.indices[i])] =
                        std::log(data.probs[i]);
            const Problem problem = with_logits(data, columns);
            const StepResult step =
                run_step(gpu(), problem.data, problem.words, problem.contexts, {30, c.master, c.precision});
            // What rounding the few support entries leaves of the sum.
            const double tolerance = c.precision == Precision::bf16   ? 4e-3
                                     : c.precision == Precision::tf32 ? 5e-4
                                                                      : 1e-5;
            for (std::int64_t j = 0; j < 20; ++j) {
                double sum = 0, size = 0;
                for (std::int64_t v = 0; v < 30; ++v) {
                    sum += step.contexts_gradient[j * 30 + v];
                    size += std::abs(step.contexts_gradient[j * 30 + v]);
                }
                EXPECT_LT(std::abs(sum), tolerance * size) << j << " case " << &c - cases.data();
            }
        }
}

TEST_F(CudaLossStep, NonFiniteParametersReachTheLoss) {
    const Dataset data = make_dataset(4, {{0, 1}, {1}}, {{0.5, 0.5}, {1.0}});
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        for (const Case& c : cases) {
            Problem problem = with_logits(data, {{0, 1, 0, 0}, {1, 0, 0, 2}});
            problem.words[3 * 4 + 3] = bad;
            EXPECT_FALSE(std::isfinite(
                run_step(gpu(), problem.data, problem.words, problem.contexts, {4, c.master, c.precision})
                    .sums.excess_loss))
                << &c - cases.data();
        }
}

TEST_F(CudaLossStep, ReplaysWithOtherParametersAndAnotherLambda) {
    // The first call runs as it is, the second records, the rest replay the recording.
    const LossPlan plan{6, Real::fp64, Precision::bf16x3, 16, 32};
    Problem problem = random_problem(40, 50, 6, 1, 7);
    KeptStep kept(gpu(), problem, plan);
    for (int call = 0; call < 5; ++call) {
        problem.words = random_values(40 * 6, 1, 100 + call);
        problem.contexts = random_values(50 * 6, 1, 200 + call);
        const double lambda = 0.1 * call;
        const StepResult fresh = run_step(gpu(), problem.data, problem.words, problem.contexts, plan, lambda);
        const StepResult replayed = kept.run(problem, lambda);
        EXPECT_EQ(replayed.words_gradient, fresh.words_gradient) << call;
        EXPECT_EQ(replayed.contexts_gradient, fresh.contexts_gradient) << call;
        EXPECT_EQ(replayed.sums.excess_loss, fresh.sums.excess_loss) << call;
        EXPECT_EQ(kept.loss_alone().excess_loss, fresh.sums.excess_loss) << call;
    }
}

TEST_F(CudaLossStep, DetailAgreesWithTheCpu) {
    const Problem problem = random_problem(300, 40, 5, 1, 8);
    const auto cpu = make_cpu_backend();
    const std::int64_t entries = problem.data.nnz(), contexts = problem.data.contexts();
    const auto details = [&](Backend& where) {
        const Array memory(where, (entries + 3 * contexts) * 8);
        auto* const out = memory.as<double>();
        KeptStep step(where, problem, {5, Real::fp64, Precision::fp64, 16, 0});
        step.run(problem, 0, {out, out + entries, out + entries + contexts, out + entries + 2 * contexts});
        return download_array<double>(where, out, entries + 3 * contexts);
    };
    const std::vector<double> expected = details(*cpu), actual = details(gpu());
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(actual[i], expected[i], 1e-12 * std::max(1.0, std::abs(expected[i]))) << i;
}

}  // namespace
}  // namespace ntpgeo
