// Lower bounds on the global optimum from training states, against the path's optimum and plain
// recomputations.
#include "engine/exact/training_certificate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "engine/data/labels.hpp"
#include "engine/exact/path.hpp"
#include "tests/exact_reference.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using reference::Dense;

class TrainingCertificate : public testing::Test {
  protected:
    static constexpr std::int64_t vocab = 9, rows = 14, dim = 8;
    const std::unique_ptr<Backend> backend_ = make_cpu_backend();
    const Dataset data_ = random_dataset(vocab, rows, 10, 1, 4, 21);
    const Labels labels_{*backend_, data_};

    /// The optimum at λ, and its factors padded with zeros to width d.
    struct Optimum {
        double excess;
        std::vector<double> words, contexts;
    };
    Optimum solve(double lambda) {
        PathSolver solver(*backend_, data_, {lambda}, 1e-10);
        while (!solver.advance()) {
        }
        const SingularFactors factors = solver.factors();
        Optimum optimum{solver.last()->objective_excess, std::vector<double>(vocab * dim),
                        std::vector<double>(rows * dim)};
        EXPECT_LE(factors.rank(), dim);
        const auto pad = [&](const std::vector<double>& from, std::vector<double>& to) {
            for (std::size_t i = 0; i < from.size(); ++i)
                to[i / static_cast<std::size_t>(factors.rank()) * dim +
                   i % static_cast<std::size_t>(factors.rank())] = from[i];
        };
        pad(factors.words, optimum.words);
        pad(factors.contexts, optimum.contexts);
        return optimum;
    }

    double plain_gradient_bound(const std::vector<double>& words, const std::vector<double>& contexts,
                                double lambda) {
        return reference::path_bound(data_, reference::product(words, contexts, vocab, rows, dim), lambda);
    }
};

TEST_F(TrainingCertificate, NeverPassesTheOptimumAndIsNearItAtTheOptimum) {
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal;
    OptimumBounder bounder(*backend_, data_, labels_.view());
    for (const double lambda : {1e-2, 1e-4, 1e-6}) {
        const Optimum optimum = solve(lambda);
        for (const double noise : {0.0, 1e-3, 0.1, 1.0}) {
            std::vector<double> w = optimum.words, h = optimum.contexts;
            for (double& value : w) value += noise * normal(random);
            for (double& value : h) value += noise * normal(random);
            const Array words = upload_array(*backend_, w), contexts = upload_array(*backend_, h);
            const OptimumBound bound = bounder.bound(words.matrix(Real::fp64, vocab, dim),
                                                     contexts.matrix(Real::fp64, rows, dim), lambda, 0, 7);
            EXPECT_LE(bound.excess, optimum.excess) << lambda << ' ' << noise;
            EXPECT_GE(bound.excess, plain_gradient_bound(w, h, lambda) - 1e-9 * optimum.excess - 1e-14);
            if (noise <= 1e-3) {
                EXPECT_GT(bound.excess, 0.99 * optimum.excess) << lambda << ' ' << noise;
            }
        }
    }
}

// The polar candidate is a feasible dual point whose bound, recomputed plainly, is what the engine says.
TEST_F(TrainingCertificate, CandidatesAreFeasibleAndTheirNormsHold) {
    const double lambda = 1e-5;
    const Optimum optimum = solve(lambda);
    std::vector<double> w = optimum.words, h = optimum.contexts;
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    for (double& value : w) value += 1e-2 * normal(random);
    const Array words = upload_array(*backend_, w), contexts = upload_array(*backend_, h);
    // A polar factor is any matrix of norm 1 here: the factors of an orthonormal pair.
    std::vector<double> u(w), v(h);
    const Array polar_words = upload_array(*backend_, u), polar_contexts = upload_array(*backend_, v);
    backend_->orthonormalise(polar_words.matrix(Real::fp64, vocab, dim));
    backend_->orthonormalise(polar_contexts.matrix(Real::fp64, rows, dim));
    CandidateFactors factors{
        words.matrix(Real::fp64, vocab, dim), contexts.matrix(Real::fp64, rows, dim), {}, {}};
    for (const bool polar : {false, true}) {
        if (polar) {
            factors.polar_words = polar_words.matrix(Real::fp64, vocab, dim);
            factors.polar_contexts = polar_contexts.matrix(Real::fp64, rows, dim);
        }
        DualCandidate candidate(*backend_, labels_.view(), factors, lambda);
        const Matrix chunk = candidate.chunk(0);
        const Dense d(chunk.as<double>(), chunk.as<double>() + rows * vocab);
        for (std::int64_t j = 0; j < rows; ++j) {
            const std::vector<bool> in = reference::support_of(data_, j);
            double sum = 0, size = 0;
            for (std::int64_t word = 0; word < vocab; ++word) {
                sum += d[j * vocab + word];
                size += std::abs(d[j * vocab + word]);
                if (!in[word]) {
                    EXPECT_GE(d[j * vocab + word], 0);
                }
            }
            EXPECT_NEAR(sum, 0, 1e-14 * size);
            for (std::int64_t s = data_.indptr[j]; s < data_.indptr[j + 1]; ++s)
                if (candidate.largest_scale() < 1e300) {
                    EXPECT_GE(data_.probs[s] * data_.context_probs[j] * (1 + 1e-12) +
                                  candidate.largest_scale() * d[j * vocab + data_.indices[s]],
                              0);
                }
        }
        const double norm = reference::singular_values(d, rows, vocab)[0];
        const CandidateNorm exact = norm_of(*backend_, candidate, 0, 1),
                            probable = probable_norm_of(*backend_, candidate, 0, 1);
        EXPECT_TRUE(exact.exact);
        EXPECT_FALSE(probable.exact);
        EXPECT_GE(exact.value, norm);
        EXPECT_NEAR(exact.value, norm, 1e-7 * norm);
        EXPECT_GE(probable.value, norm);
        EXPECT_LT(probable.value, 1.02 * norm);
    }
}

TEST_F(TrainingCertificate, AGapNeedsABoundAndAnObjective) {
    EXPECT_FALSE(relative_gap(1, 0.1, 1, 1, std::nullopt).has_value());
    EXPECT_FALSE(relative_gap(0, 0, 1, 1, OptimumBound{0, ""}).has_value());
    EXPECT_NEAR(*relative_gap(0.5, 0.1, 2, 1, OptimumBound{0.6, ""}), 0.2, 1e-15);
}

TEST_F(TrainingCertificate, IsLeftBetweenItsIterations) {
    OptimumBounder bounder(*backend_, data_, labels_.view());
    const Array words = upload_array(*backend_, random_values(vocab * dim, 1, 1)),
                contexts = upload_array(*backend_, random_values(rows * dim, 1, 2));
    const auto bound = [&](const std::function<void()>& between) {
        return bounder.bound(words.matrix(Real::fp64, vocab, dim), contexts.matrix(Real::fp64, rows, dim),
                             1e-3, 0, 7, between);
    };
    int calls = 0;
    const OptimumBound whole = bound([&] { ++calls; });
    EXPECT_EQ(calls, 21);  // the gradient's bound, and each iteration
    for (const int last : {1, 12, 21}) {
        calls = 0;
        EXPECT_THROW(bound([&] {
                         if (++calls == last) throw last;
                     }),
                     int);
    }
    EXPECT_EQ(bound({}).excess, whole.excess);
}

}  // namespace
}  // namespace ntpgeo
