// The anchored loss step against the naive reference, over shapes, precisions and the regimes of design 1.2.
#include <gtest/gtest.h>
#include <malloc.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/loss_fixture.hpp"

namespace ntpgeo {
namespace {

void expect_close(const Problem& problem, const LossPlan& plan, double tolerance) {
    expect_close(*make_cpu_backend(), problem, plan, tolerance);
}

class Shapes : public testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(Shapes, AgreeWithTheReferenceInEveryPrecision) {
    const auto [vocab, contexts, dim] = GetParam();
    const Problem problem = random_problem(vocab, contexts, dim, 1, 11);
    expect_close(problem, {dim, Real::fp64, Precision::fp64}, 1e-12);
    expect_close(problem, {dim, Real::fp64, Precision::fp32}, 3e-6);
    expect_close(problem, {dim, Real::fp32, Precision::fp32}, 3e-5);
    expect_close(problem, {dim, Real::fp32, Precision::fp64}, 3e-5);
}

INSTANTIATE_TEST_SUITE_P(LossStep, Shapes,
                         testing::Values(std::tuple(2, 1, 1), std::tuple(5, 1, 3), std::tuple(31, 6, 4),
                                         std::tuple(32, 7, 8), std::tuple(33, 70, 5), std::tuple(67, 300, 16),
                                         std::tuple(1000, 9, 3)));

TEST(LossStep, OneChunkAndManyGiveTheSameGradient) {
    const Problem problem = random_problem(50, 203, 9, 1, 4);
    const StepResult whole =
        run_step(problem.data, problem.words, problem.contexts, {9, Real::fp64, Precision::fp64, 203, 203});
    for (const auto& [chunk, group] : {std::pair{1, 1}, {7, 7}, {10, 40}, {64, 128}, {202, 203}}) {
        const StepResult cut = run_step(problem.data, problem.words, problem.contexts,
                                        {9, Real::fp64, Precision::fp64, chunk, group});
        EXPECT_LT(gradient_error(cut, whole).worst, 1e-13) << chunk << ' ' << group;
        EXPECT_NEAR(cut.sums.excess_loss, whole.sums.excess_loss, 1e-13);
    }
}

TEST(LossStep, GivesTheSameBitsForAnyNumberOfThreads) {
    const Problem problem = random_problem(64, 900, 12, 1, 5);
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    const StepResult one =
        run_step(problem.data, problem.words, problem.contexts, {12, Real::fp64, Precision::fp32});
    omp_set_num_threads(3);
    const StepResult three =
        run_step(problem.data, problem.words, problem.contexts, {12, Real::fp64, Precision::fp32});
    omp_set_num_threads(threads);
    EXPECT_EQ(one.words_gradient, three.words_gradient);
    EXPECT_EQ(one.contexts_gradient, three.contexts_gradient);
    EXPECT_EQ(one.sums.excess_loss, three.sums.excess_loss);
}

TEST(LossStep, RidgeTermEntersTheGradientAlone) {
    expect_ridge_in_the_gradient_alone(*make_cpu_backend(), {4});
}

TEST(LossStep, GradientIsTheSlopeOfTheLoss) {
    const Problem problem = random_problem(12, 10, 3, 0.7, 8);
    const LossPlan plan{3, Real::fp64, Precision::fp64};
    const StepResult at = run_step(problem.data, problem.words, problem.contexts, plan);
    const double h = 1e-5;
    const auto slope = [&](std::vector<double> Problem::*part, std::size_t i) {
        Problem up = problem, down = problem;
        (up.*part)[i] += h;
        (down.*part)[i] -= h;
        return (run_step(up.data, up.words, up.contexts, plan).sums.excess_loss -
                run_step(down.data, down.words, down.contexts, plan).sums.excess_loss) /
               (2 * h);
    };
    for (std::size_t i = 0; i < problem.words.size(); i += 5)
        EXPECT_NEAR(at.words_gradient[i], slope(&Problem::words, i), 1e-9);
    for (std::size_t i = 0; i < problem.contexts.size(); i += 5)
        EXPECT_NEAR(at.contexts_gradient[i], slope(&Problem::contexts, i), 1e-9);
}

TEST(LossStep, RedoesAContextWhoseOffSupportLogitsTowerOverTheAnchor) {
    // Context 0 puts 80 nats on a word off its support (2^40 is 28), context 1 puts 1,500, context 2 is
    // ordinary.
    const Dataset data = make_dataset(4, {{0, 1}, {1}, {2, 3}}, {{0.25, 0.75}, {1.0}, {0.5, 0.5}});
    const Problem problem = with_logits(data, {{0, 1, 80, 0}, {1500, 0, 3, 0}, {0, 0, 2, 1}});
    expect_close(problem, {4, Real::fp64, Precision::fp64}, 1e-12);
    expect_close(problem, {4, Real::fp64, Precision::fp32}, 1e-6);
}

TEST(LossStep, TakesProbabilitiesDownTo1e290) {
    const Dataset data = make_dataset(3, {{0, 1}, {0, 2}}, {{1e-290, 1 - 1e-290}, {0.5, 0.5}});
    expect_close(with_logits(data, {{0, 1, -3}, {1, 2, 0}}), {3, Real::fp64, Precision::fp64}, 1e-12);
    expect_close(with_logits(data, {{-660, 1, -3}, {1, 2, 0}}), {3, Real::fp64, Precision::fp64}, 1e-12);
}

TEST(LossStep, FullSupportsHaveNoMassOutside) {
    const Dataset data = make_dataset(3, {{0, 1, 2}}, {{0.2, 0.3, 0.5}});
    const Problem problem = with_logits(data, {{1, -2, 0.5}});
    EXPECT_EQ(run_step(problem.data, problem.words, problem.contexts, {3}).sums.off_support_mass, 0);
    expect_close(problem, {3, Real::fp64, Precision::fp64}, 1e-12);
}

TEST(LossStep, ExcessIsRightToSixDigitsAtTenToTheMinusTwelve) {
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
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
        const StepResult actual =
            run_step(problem.data, problem.words, problem.contexts, {40, Real::fp64, precision});
        EXPECT_NEAR(actual.sums.excess_loss / expected.sums.excess_loss, 1, 1e-6);
    }
}

TEST(LossStep, ColumnsOfTheGradientSumToZero) {
    // With W = I, dH is the transposed gradient of CE. At a large loss and at a small one, in fp32 products
    // too.
    for (const double off : {0.0, -25.0}) {
        Dataset data = random_dataset(30, 20, 9, 1, 6, 3);
        std::vector<std::vector<double>> columns(20, std::vector<double>(30, off));
        for (std::int64_t j = 0; j < 20; ++j)
            for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
                columns[static_cast<std::size_t>(j)][static_cast<std::size_t>(data.indices[i])] =
                    std::log(data.probs[i]);
        const Problem problem = with_logits(data, columns);
        const StepResult step =
            run_step(problem.data, problem.words, problem.contexts, {30, Real::fp64, Precision::fp32});
        for (std::int64_t j = 0; j < 20; ++j) {
            double sum = 0, size = 0;
            for (std::int64_t v = 0; v < 30; ++v) {
                sum += step.contexts_gradient[j * 30 + v];
                size += std::abs(step.contexts_gradient[j * 30 + v]);
            }
            EXPECT_LT(std::abs(sum), 1e-6 * size) << j;
        }
    }
}

TEST(LossStep, LabelMassBelowOneIsTheSameProblemWithOtherWeights) {
    Dataset partial = make_dataset(6, {{0, 2}, {1, 3, 4}}, {{0.5, 0.5}, {0.2, 0.3, 0.5}});
    partial.probs = {0.3, 0.4, 0.1, 0.2, 0.4};  // masses 0.7 and 0.7
    const std::vector<double> raw = partial.probs;
    fold_label_mass(partial.indptr, partial.probs, partial.context_probs);
    EXPECT_NEAR(partial.context_probs[0], 0.35, 1e-15);
    const Problem problem = with_logits(partial, {{1, 0, -1, 0.5, 0, 0}, {0, 2, 0, 1, 0, -1}});
    // CE with mass μ: π (μ·lse − Σ p ℓ), whose gradient is π (μ·softmax − p).
    const StepResult step =
        run_step(problem.data, problem.words, problem.contexts, {6, Real::fp64, Precision::fp64});
    for (std::int64_t j = 0; j < 2; ++j) {
        long double total = 0;
        for (std::int64_t v = 0; v < 6; ++v)
            total += std::exp(static_cast<long double>(problem.contexts[j * 6 + v]));
        for (std::int64_t v = 0; v < 6; ++v) {
            long double expected =
                0.7L * std::exp(static_cast<long double>(problem.contexts[j * 6 + v])) / total;
            for (std::int64_t i = partial.indptr[j]; i < partial.indptr[j + 1]; ++i)
                if (partial.indices[i] == v) expected -= raw[static_cast<std::size_t>(i)];
            EXPECT_NEAR(step.contexts_gradient[j * 6 + v], static_cast<double>(0.5L * expected), 1e-15);
        }
    }
    std::vector<double> probs{0.8, 0.9}, weights{1};
    EXPECT_THROW(fold_label_mass({0, 2}, probs, weights), InputError);
}

TEST(LossStep, NonFiniteParametersReachTheLoss) {
    // Also where the bad word is in no support, so that only the streaming pass sees it.
    const Dataset data = make_dataset(4, {{0, 1}, {1}}, {{0.5, 0.5}, {1.0}});
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        for (const Precision precision : {Precision::fp64, Precision::fp32}) {
            Problem problem = with_logits(data, {{0, 1, 0, 0}, {1, 0, 0, 2}});
            problem.words[3 * 4 + 3] = bad;
            EXPECT_FALSE(std::isfinite(
                run_step(problem.data, problem.words, problem.contexts, {4, Real::fp64, precision})
                    .sums.excess_loss));
        }
}

TEST(LossStep, EitherGradientIsMadeAlone) {
    const auto backend = make_cpu_backend();
    const Problem problem = random_problem(40, 300, 6, 1, 21);  // several chunks and groups
    for (const Precision precision : {Precision::fp64, Precision::fp32})
        for (const std::int64_t chunk : {0, 32})
            expect_either_gradient_alone(*backend, problem, {6, Real::fp64, precision, chunk, 2 * chunk});
}

#if !defined(__SANITIZE_ADDRESS__)  // which keeps the books of memory itself
TEST(LossStep, TakesTheMemoryItSaidItWould) {
    const auto backend = make_cpu_backend();
    const Dataset data = random_dataset(700, 900, 40, 1, 9, 22);
    const Labels labels(*backend, data);
    const auto in_use = [] {
        const struct mallinfo2 memory = ::mallinfo2();
        return static_cast<std::int64_t>(memory.uordblks + memory.hblkhd);
    };
    for (const Real master : {Real::fp64, Real::fp32})
        for (const Precision precision : {Precision::fp64, Precision::fp32})
            for (const std::int64_t chunk : {0, 16}) {
                const LossPlan plan{48, master, precision, chunk, 0};
                const std::int64_t before = in_use();
                const LossStepSize size = backend->loss_step_size(labels.view(), plan);
                EXPECT_LT(in_use() - before, 4096);
                const auto step = backend->make_loss_step(labels.view(), plan);
                EXPECT_NEAR(static_cast<double>(in_use() - before), static_cast<double>(size.bytes),
                            0.01 * static_cast<double>(size.bytes) + 8192);
                EXPECT_TRUE(chunk == 0 ? size.chunk <= 900 : size.chunk == chunk) << size.chunk;
                EXPECT_GE(size.chunks_at_once, 1);
            }
}
#endif

TEST(LossStep, RefusesPrecisionsOfAGpu) {
    const Problem problem = random_problem(5, 3, 2, 1, 1);
    EXPECT_THROW(run_step(problem.data, problem.words, problem.contexts, {2, Real::fp64, Precision::bf16}),
                 InputError);
}

}  // namespace
}  // namespace ntpgeo
