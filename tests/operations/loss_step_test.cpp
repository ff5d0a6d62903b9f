// The anchored loss step against the naive reference: over shapes, precisions, masters and the regimes of
// design 1.2.
#include <array>
#include <cmath>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/operations/loss_step_fixture.hpp"

namespace ntpgeo {
namespace {

using LossStep = LossStepTest;

TEST_F(LossStep, AgreesWithTheReferenceAtEveryShapeInEveryPrecision) {
    const std::vector<std::array<std::int64_t, 3>> shapes{{2, 1, 1},     {5, 1, 3},     {31, 6, 4},
                                                          {32, 1, 8},    {32, 7, 8},    {33, 70, 5},
                                                          {67, 300, 16}, {129, 20, 16}, {1000, 9, 3}};
    for (const auto& [vocab, contexts, dim] : shapes) {
        if (contexts == 300 && !on_cpu()) continue;  // the emulated device takes seconds
        for_each_way([&, vocab = vocab, contexts = contexts, dim = dim](const LossWay& way) {
            SCOPED_TRACE(testing::Message() << "V " << vocab << " m " << contexts << " d " << dim);
            const Problem problem = random_problem(vocab, contexts, dim, way.is_exact() ? 1 : 0.7, 11);
            expect_close(backend(), problem, way.plan(dim), way.tolerance);
        });
    }
}

TEST_F(LossStep, AgreesWithTheReferenceWhereARowSpansSeveralBlocks) {
    // One fp64 row of 4,099 logits is cut into three tiles on a GPU, the last of them nearly empty.
    const Problem problem = random_problem(4099, 5, 7, 0.7, 12);
    for_each_way([&](const LossWay& way) { expect_close(backend(), problem, way.plan(7), way.tolerance); });
}

TEST_F(LossStep, AddsSlabsOfManyContexts) {
    const Problem problem = random_problem(3, 4100, 2, 0.7, 13);
    const StepResult found = step(problem, {2, Real::fp64, three_terms_or_fp32(), 4100});
    EXPECT_LT(gradient_error(found, reference(problem)).worst, 5e-5);
}

TEST_F(LossStep, RedoesAContextWhoseOffSupportLogitsTowerOverTheAnchor) {
    for_each_way([&](const LossWay& way) {
        const double tolerance = way.is(Real::fp64, Precision::fp32) ? 1e-6 : way.tolerance;
        expect_close(backend(), with_towering_logits(), way.plan(4), tolerance);
    });
}

TEST_F(LossStep, TakesLogitsFarBeyondTheirExponentialsRounding) {
    // From 1e19 on z·log₂e − a·log₂e is thousands where z = a; and 1e140 is what analyze takes.
    Problem problem = random_problem(9, 12, 4, 1, 21);
    for (const double scale : {1e4, 1e10, 1e35, 1e70}) {
        Problem huge = problem;
        for (double& x : huge.words) x *= scale;
        for (double& x : huge.contexts) x *= scale;
        SCOPED_TRACE(scale);
        expect_close(backend(), huge, {4}, 1e-9);
        if (scale < 1e19) expect_close(backend(), huge, {4, Real::fp64, Precision::fp32}, 1e-5);
        // Words that are all alike: every logit of a context is the anchor.
        for (std::size_t i = 4; i < huge.words.size(); ++i) huge.words[i] = huge.words[i - 4];
        const StepResult alike = step(huge, {4});
        EXPECT_TRUE(std::isfinite(alike.sums.excess_loss));
        EXPECT_GT(alike.sums.off_support_mass, 0);
    }
}

TEST_F(LossStep, TakesProbabilitiesDownTo1e290) {
    const Dataset data = make_dataset(3, {{0, 1}, {0, 2}}, {{1e-290, 1 - 1e-290}, {0.5, 0.5}});
    expect_close(backend(), with_logits(data, {{0, 1, -3}, {1, 2, 0}}), {3}, 1e-12);
    expect_close(backend(), with_logits(data, {{-660, 1, -3}, {1, 2, 0}}), {3}, 1e-12);
}

TEST_F(LossStep, FullSupportsHaveNoMassOutside) {
    expect_no_mass_outside_full_supports(backend(), {3}, 1e-12);
    const Dataset single = make_dataset(1, {{0}, {0}}, {{1.0}, {1.0}});
    const StepResult nothing = run_step(backend(), single, {2.5}, {1.0, -3.0}, {1});
    EXPECT_EQ(nothing.sums.excess_loss, 0);
    EXPECT_EQ(nothing.words_gradient, std::vector<double>{0});
}

TEST_F(LossStep, ExcessIsRightToSixDigitsAtTenToTheMinusTwelve) {
    // Logits log p + ε on the support and −40 off it give a known, tiny excess.
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
        if (!backend().supports(precision)) continue;
        // 1.5e-4 of this excess is mass off the support, which has the precision of the products.
        const double tolerance = precision == Precision::bf16 ? 1e-5 : 1e-6;
        EXPECT_NEAR(step(problem, {40, Real::fp64, precision}).sums.excess_loss / expected.sums.excess_loss,
                    1, tolerance);
    }
}

TEST_F(LossStep, GradientIsTheSlopeOfTheLoss) {
    const Problem problem = random_problem(12, 10, 3, 0.7, 8);
    const LossPlan plan{3, Real::fp64, Precision::fp64};
    KeptStep kept(backend(), problem, plan);
    const StepResult at = kept.run(problem, 0);
    const double h = 1e-5;
    const auto slope = [&](std::vector<double> Problem::*part, std::size_t i) {
        Problem up = problem, down = problem;
        (up.*part)[i] += h;
        (down.*part)[i] -= h;
        return (kept.run(up, 0).sums.excess_loss - kept.run(down, 0).sums.excess_loss) / (2 * h);
    };
    for (std::size_t i = 0; i < problem.words.size(); i += 5)
        EXPECT_NEAR(at.words_gradient[i], slope(&Problem::words, i), 1e-9);
    for (std::size_t i = 0; i < problem.contexts.size(); i += 5)
        EXPECT_NEAR(at.contexts_gradient[i], slope(&Problem::contexts, i), 1e-9);
}

TEST_F(LossStep, ColumnsOfTheGradientSumToZeroInEveryPrecision) {
    for_each_way([&](const LossWay& way) {
        // What rounding the few support entries leaves of the sum.
        const double tolerance = way.precision == Precision::bf16      ? 4e-3
                                 : way.precision == Precision::tf32    ? 5e-4
                                 : way.is(Real::fp64, Precision::fp32) ? 1e-6
                                                                       : 1e-5;
        expect_columns_sum_to_zero(backend(), way.plan(30), tolerance);
    });
}

TEST_F(LossStep, LabelMassBelowOneIsTheSameProblemWithOtherWeights) {
    Dataset partial = make_dataset(6, {{0, 2}, {1, 3, 4}}, {{0.5, 0.5}, {0.2, 0.3, 0.5}});
    partial.probs = {0.3, 0.4, 0.1, 0.2, 0.4};  // masses 0.7 and 0.7
    const std::vector<double> raw = partial.probs;
    fold_label_mass(partial.indptr, partial.probs, partial.context_probs);
    EXPECT_NEAR(partial.context_probs[0], 0.35, 1e-15);
    const Problem problem = with_logits(partial, {{1, 0, -1, 0.5, 0, 0}, {0, 2, 0, 1, 0, -1}});
    // CE with mass μ: π (μ·lse − Σ p ℓ), whose gradient is π (μ·softmax − p).
    const StepResult found = step(problem, {6, Real::fp64, Precision::fp64});
    for (std::int64_t j = 0; j < 2; ++j) {
        long double total = 0;
        for (std::int64_t v = 0; v < 6; ++v)
            total += std::exp(static_cast<long double>(problem.contexts[j * 6 + v]));
        for (std::int64_t v = 0; v < 6; ++v) {
            long double expected =
                0.7L * std::exp(static_cast<long double>(problem.contexts[j * 6 + v])) / total;
            for (std::int64_t i = partial.indptr[j]; i < partial.indptr[j + 1]; ++i)
                if (partial.indices[i] == v) expected -= raw[static_cast<std::size_t>(i)];
            EXPECT_NEAR(found.contexts_gradient[j * 6 + v], static_cast<double>(0.5L * expected), 1e-15);
        }
    }
    std::vector<double> probs{0.8, 0.9}, weights{1};
    EXPECT_THROW(fold_label_mass({0, 2}, probs, weights), InputError);
}

TEST_F(LossStep, NonFiniteParametersReachTheLoss) {
    for_each_way(
        [&](const LossWay& way) { expect_non_finite_parameters_in_the_loss(backend(), way.plan(4)); });
}

TEST_F(LossStep, DetailAgreesWithItsDefinitionsAndWithTheCpu) {
    const LossPlan plan{5, Real::fp64, Precision::fp64, 16, 0};
    const Problem problem = random_problem(300, 40, 5, 1, 8);
    const std::vector<double> found = detail_of(backend(), problem, plan);
    expect_near(found, reference_detail(problem), 1e-12);
    expect_near(found, detail_of(cpu(), problem, plan), 1e-12);
}

}  // namespace
}  // namespace ntpgeo
