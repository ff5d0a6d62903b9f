// The loss step whose exponentials are made in the epilogue of the first product, against the naive reference
// and against the plain form. On the emulated device the product is its twin of ordinary kernels; on hardware
// it is the fused one, so that these tests, skipped where there is none, are what tries it.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/anchored_xent/epilogue_tile.hpp"
#include "kernels/base/status.hpp"
#include "tests/cuda/cuda_fixture.hpp"
#include "tests/operations/loss_step_fixture.hpp"

namespace ntpgeo {
namespace {

constexpr double tolerance = 2e-2;  ///< bf16's, in norm, for the worst entry and for both sums

class CudaEpilogueForm : public CudaTest {
  protected:
    void SetUp() override {
        CudaTest::SetUp();
        if (IsSkipped()) return;
        const std::string why_not = gpu().why_not(LossKernel::epilogue, Precision::bf16);
        if (!why_not.empty()) GTEST_SKIP() << why_not;
    }
    static LossPlan plan(std::int64_t dim, LossKernel kernel = LossKernel::epilogue, Real master = Real::fp64,
                         std::int64_t chunk = 0, std::int64_t group = 0) {
        return {dim, master, Precision::bf16, chunk, group, kernel};
    }
    StepResult step(const Problem& problem, const LossPlan& plan, double lambda = 0) {
        return run_step(gpu(), problem.data, problem.words, problem.contexts, plan, lambda);
    }
};

TEST_F(CudaEpilogueForm, AgreesWithTheReferenceAtEveryShape) {
    const std::vector<std::array<std::int64_t, 3>> shapes{
        {1, 3, 2},   {2, 1, 1},    {31, 6, 4},    {32, 1, 8},   {33, 70, 5},
        {127, 3, 9}, {128, 5, 16}, {129, 20, 16}, {1000, 9, 3}, {4099, 5, 7}};
    for (const auto& [vocab, contexts, dim] : shapes)
        for (const Real master : {Real::fp64, Real::fp32}) {
            SCOPED_TRACE(testing::Message() << "V " << vocab << " m " << contexts << " d " << dim);
            const Problem problem = random_problem(vocab, contexts, dim, 0.7, 11);
            const StepResult expected = reference(problem);
            if (vocab == 1) {  // nothing is off the support, and the gradient is exactly 0
                const StepResult nothing = step(problem, plan(dim, LossKernel::epilogue, master));
                EXPECT_EQ(nothing.sums.excess_loss, 0);
                EXPECT_EQ(nothing.words_gradient, expected.words_gradient);
                EXPECT_EQ(nothing.contexts_gradient, expected.contexts_gradient);
                continue;
            }
            expect_close(gpu(), problem, plan(dim, LossKernel::epilogue, master), tolerance);
        }
}

TEST_F(CudaEpilogueForm, LargeTilesAndTailsOfBothSidesAgreeWithThePlainForm) {
    // 300 contexts are three tiles, the last of them cut; 700 words six, one of 60 words.
    const Problem problem = random_problem(700, 300, 24, 0.5, 21);
    for (const auto& [chunk, group] : {std::pair{0, 0}, {256, 256}, {128, 256}, {100, 200}, {299, 299}}) {
        const StepResult plain = step(problem, plan(24, LossKernel::plain, Real::fp64, chunk, group));
        const StepResult fused = step(problem, plan(24, LossKernel::epilogue, Real::fp64, chunk, group));
        const GradientError error = gradient_error(fused, plain);
        // A logit summed in another order may round its exponential the other way: 2^-8 of a few entries.
        EXPECT_LT(error.norm, 1e-3) << chunk;
        EXPECT_LT(error.worst, 4e-3) << chunk;
        EXPECT_NEAR(fused.sums.excess_loss / plain.sums.excess_loss, 1, 1e-3);
        EXPECT_NEAR(fused.sums.off_support_mass / plain.sums.off_support_mass, 1, 1e-3);
    }
}

TEST_F(CudaEpilogueForm, WideEmbeddingsTakeTilesOfTwiceAsManyWords) {
    // By the model, on the emulated device's four multiprocessors; the last tile is mostly padding.
    ASSERT_EQ(anchored_xent::epilogue_tiles[anchored_xent::choose_epilogue_tile(60, 300, 1024, 4)].words,
              256);
    const Problem problem = random_problem(300, 60, 1024, 0.05, 23);
    const StepResult plain = step(problem, plan(1024, LossKernel::plain)), fused = step(problem, plan(1024));
    const GradientError error = gradient_error(fused, plain);
    EXPECT_LT(error.norm, 1e-3);
    EXPECT_LT(error.worst, 4e-3);
    EXPECT_NEAR(fused.sums.excess_loss / plain.sums.excess_loss, 1, 1e-3);
    EXPECT_NEAR(fused.sums.off_support_mass / plain.sums.off_support_mass, 1, 1e-3);
}

TEST_F(CudaEpilogueForm, GivesThePlainFormsBitsWhereLogitsAndSumsAreExact) {
    // With W = I each logit is one bf16 number, the same in both forms; sums of exponentials within a factor
    // of 2^9 are exact in fp32 in any order; and dH holds the entries of E times the context's factor. So
    // whatever differs, differs in E: the two exp2 or their rounding.
    constexpr std::int64_t vocab = 200, contexts = 60;
    const Dataset data = random_dataset(vocab, contexts, 20, 1, 6, 33);
    std::vector<std::vector<double>> columns;
    const std::vector<double> values = random_values(vocab * contexts, 1, 34);
    for (std::int64_t j = 0; j < contexts; ++j) {
        std::vector<double> column(static_cast<std::size_t>(vocab));
        for (std::int64_t v = 0; v < vocab; ++v)
            column[v] = std::round(std::clamp(values[j * vocab + v], -2.9, 2.9) * 32) / 32;
        columns.push_back(column);
    }
    const Problem problem = with_logits(data, columns);
    const StepResult plain = step(problem, plan(vocab, LossKernel::plain)),
                     fused = step(problem, plan(vocab));
    std::int64_t same_entries = 0, same_contexts = 0;
    double largest = 0;
    for (std::int64_t j = 0; j < contexts; ++j) {
        std::int64_t same = 0;
        for (std::int64_t i = j * vocab; i < (j + 1) * vocab; ++i) {
            const double a = fused.contexts_gradient[i], b = plain.contexts_gradient[i];
            same += std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
            largest = std::max(largest, std::abs(a - b) / std::abs(b));
        }
        same_entries += same;
        same_contexts += same == vocab;
    }
    std::printf(
        "epilogue against plain: %lld of %lld entries of G have the same bits, %lld of %lld contexts "
        "altogether; largest difference %.1e\n",
        static_cast<long long>(same_entries), static_cast<long long>(vocab * contexts),
        static_cast<long long>(same_contexts), static_cast<long long>(contexts), largest);
    // An entry that rounds the other way moves its context's r, and with it the whole context.
    EXPECT_GE(same_contexts, contexts * 9 / 10);
    EXPECT_LT(largest, 0x1p-6);
    if (same_contexts == contexts) {
        EXPECT_EQ(fused.sums.off_support_mass, plain.sums.off_support_mass);
        EXPECT_EQ(fused.sums.excess_loss, plain.sums.excess_loss);
    }
}

TEST_F(CudaEpilogueForm, SmallOffSupportMassKeepsItsDigits) {
    // The support's own exponentials are of the order of 1 and lie in the same tiles; r is 5e-9 and less.
    for (const double off : {-25.0, -40.0}) {
        const Problem problem = with_labels_as_logits(random_dataset(300, 40, 15, 2, 9, 35), off);
        const StepResult expected = reference(problem), fused = step(problem, plan(300));
        EXPECT_NEAR(fused.sums.off_support_mass / expected.sums.off_support_mass, 1, 4e-3);
    }
}

TEST_F(CudaEpilogueForm, GivesTheSameBitsTwice) {
    expect_same_bits_twice(gpu(), plan(12, LossKernel::epilogue, Real::fp64, 8, 16));
}

TEST_F(CudaEpilogueForm, RidgeTermEntersTheGradientAlone) {
    expect_ridge_in_the_gradient_alone(gpu(), plan(4));
}

TEST_F(CudaEpilogueForm, RedoesAContextWhoseOffSupportLogitsTowerOverTheAnchor) {
    // Without Z its logits are made anew; the words of context 3 tower over the padding alone.
    expect_close(gpu(), with_towering_logits(), plan(4), tolerance);
    // The support of a redone context spans tiles, its largest logit lies in one that the support touches.
    const Dataset wide = make_dataset(300, {{1, 5, 130, 298, 299}, {0}}, {{0.1, 0.2, 0.3, 0.2, 0.2}, {1.0}});
    std::vector<double> first(300, -1.0), second(300, 0.5);
    first[131] = 60;
    first[7] = 59;
    second[299] = 64;
    expect_close(gpu(), with_logits(wide, {first, second}), plan(300), tolerance);
}

TEST_F(CudaEpilogueForm, FullSupportsHaveNoMassOutside) {
    expect_no_mass_outside_full_supports(gpu(), plan(3), tolerance);
}

TEST_F(CudaEpilogueForm, ColumnsOfTheGradientSumToZero) {
    expect_columns_sum_to_zero(gpu(), plan(30), 4e-3);  // what rounding the few support entries leaves
}

TEST_F(CudaEpilogueForm, NonFiniteParametersReachTheLoss) {
    expect_non_finite_parameters_in_the_loss(gpu(), plan(4));
}

TEST_F(CudaEpilogueForm, ReplaysWithOtherParametersAndAnotherLambda) {
    expect_calls_as_of_a_new_step(gpu(), plan(6, LossKernel::epilogue, Real::fp64, 16, 32));
}

TEST_F(CudaEpilogueForm, DetailIsThatOfThePlainForm) {
    const Problem problem = random_problem(300, 40, 5, 1, 8);
    const auto detail = [&](LossKernel kernel) {
        return detail_of(gpu(), problem, plan(5, kernel, Real::fp64, 16));
    };
    expect_near(detail(LossKernel::epilogue), detail(LossKernel::plain), 1e-5);
}

TEST_F(CudaEpilogueForm, TakesTheMemoryItSaidItWould) {
    const Dataset data = random_dataset(3000, 2000, 40, 1, 9, 22);
    const Labels labels(gpu(), data);
    const LossStepSize size = expect_memory_as_said(gpu(), labels, plan(16), 25);
    EXPECT_EQ(size.chunk, 2000);  // a whole group: no logits ask for less
    EXPECT_EQ(gpu().loss_step_size(labels.view(), plan(16, LossKernel::epilogue, Real::fp64, 300)).chunk,
              300);
}

TEST_F(CudaEpilogueForm, IsForBf16Alone) {
    const Problem problem = random_problem(5, 3, 2, 1, 9);
    for (const Precision precision : {Precision::fp64, Precision::fp32, Precision::tf32, Precision::bf16x3}) {
        EXPECT_FALSE(gpu().why_not(LossKernel::epilogue, precision).empty());
        EXPECT_THROW(step(problem, {2, Real::fp64, precision, 0, 0, LossKernel::epilogue}), InputError);
    }
    EXPECT_FALSE(cpu().why_not(LossKernel::epilogue, Precision::bf16).empty());
    EXPECT_THROW(run_step(cpu(), problem.data, problem.words, problem.contexts,
                          {2, Real::fp64, Precision::fp64, 0, 0, LossKernel::epilogue}),
                 InputError);
}

}  // namespace
}  // namespace ntpgeo
