// The smoothed residual of the limit's Newton iteration against splitting, which it smooths, and against its
// own differences; and GMRES against a dense system.
#include "engine/exact/smoothed.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/exact/gmres.hpp"
#include "tests/compare.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

/// A residual at a random state. Products are made by vectors where the sides are about as long, by maps
/// where one is over four times the other; either side may be the words'.
struct Problem {
    Problem(std::int64_t vocab, std::int64_t contexts)
        : labels(*backend, random_dataset(vocab, contexts, contexts, 1, 4, 5)),
          margins(upload_array(*backend, std::vector<double>(static_cast<std::size_t>(contexts), 1.3))),
          rows(*backend, contexts, vocab),
          splitting(rows),
          residual(rows, labels.view(), margins.as<double>(), splitting),
          size(contexts * vocab) {
        set(y);
    }
    void set(const std::vector<double>& values) {
        backend->upload(values.data(), splitting.state().data, size * 8);
    }
    [[nodiscard]] std::vector<double> f() const {
        return download_array<double>(*backend, residual.residual().data, size);
    }

    std::unique_ptr<Backend> backend = make_cpu_backend();
    Labels labels;
    Array margins;
    SolverRows rows;
    Splitting splitting;
    SmoothedResidual residual;
    std::int64_t size;
    std::vector<double> y = random_values(size, 2, 11);
};

const std::vector<std::pair<std::int64_t, std::int64_t>> shapes = {{9, 7}, {7, 9}, {6, 40}, {40, 6}, {8, 8}};

TEST(SmoothedResidual, IsSplittingsWithoutSmoothing) {
    for (const auto& [vocab, contexts] : shapes) {
        Problem problem(vocab, contexts);
        const double tau = 0.8;
        const double length = problem.residual.evaluate({tau, 1e-18}, Real::fp64);
        const std::vector<double> found = problem.f();
        Splitting& splitting = problem.splitting;
        problem.backend->project_margins(problem.labels.view(), problem.margins.as<double>(),
                                         splitting.state(), splitting.columns_point(), splitting.reflected());
        splitting.propose(tau, Remember::yes);
        std::vector<double> expected =
            download_array<double>(*problem.backend, splitting.spectral_point().data, problem.size);
        const std::vector<double> z =
            download_array<double>(*problem.backend, splitting.columns_point().data, problem.size);
        double square = 0;
        for (std::size_t i = 0; i < z.size(); ++i) {
            expected[i] -= z[i];
            square += expected[i] * expected[i];
        }
        EXPECT_TRUE(close_to(found, expected, 1e-7, std::to_string(vocab)));
        EXPECT_NEAR(length, std::sqrt(square), 1e-7 * length);
    }
}

TEST(SmoothedResidual, HasTheDerivativeOfItsDifferences) {
    for (const auto& [vocab, contexts] : shapes)
        for (const Smoothing smoothing : {Smoothing{0.8, 0.5}, Smoothing{2.5, 1e-2}})
            for (const Real real : {Real::fp64, Real::fp32}) {
                Problem problem(vocab, contexts);
                const std::vector<double> d = random_values(problem.size, 1, 12);
                const auto at = [&](double step) {
                    std::vector<double> moved = problem.y;
                    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += step * d[i];
                    problem.set(moved);
                    problem.residual.evaluate(smoothing, real);
                    return problem.f();
                };
                const double h = 1e-5;
                const std::vector<double> ahead = at(h), behind = at(-h);
                std::vector<double> expected;
                for (std::size_t i = 0; i < d.size(); ++i)
                    expected.push_back((behind[i] - ahead[i]) / (2 * h));
                at(0);
                problem.residual.linearise();
                const Array from(*problem.backend, problem.size * 8), to(*problem.backend, problem.size * 8),
                    wide = upload_array(*problem.backend, d);
                problem.backend->copy(wide.vector(Real::fp64, problem.size), from.vector(real, problem.size));
                problem.residual.product(from.vector(real, problem.size), to.vector(real, problem.size));
                problem.backend->copy(to.vector(real, problem.size), wide.vector(Real::fp64, problem.size));
                EXPECT_TRUE(close_to(download_array<double>(*problem.backend, wide.data(), problem.size),
                                     expected, real == Real::fp64 ? 1e-7 : 3e-5, std::to_string(vocab)));
            }
}

TEST(Gmres, SolvesToWhatIsAskedOrSaysThatItHasNot) {
    constexpr std::int64_t size = 60;
    const auto backend = make_cpu_backend();
    std::vector<double> a = random_values(size * size, 0.1, 3);
    for (std::int64_t i = 0; i < size; ++i) a[i * size + i] += 1;
    const std::vector<double> b = random_values(size, 1, 4);
    const Array right = upload_array(*backend, b), x(*backend, size * 8);
    const auto times = [&](const std::vector<double>& v) {
        std::vector<double> out(v.size(), 0.0);
        for (std::int64_t i = 0; i < size; ++i)
            for (std::int64_t k = 0; k < size; ++k) out[i] += a[i * size + k] * v[k];
        return out;
    };
    const auto solve = [&](Real real, double relative, std::int64_t most, int& products) {
        const SolverRows rows(*backend, 1, size);
        Gmres gmres(rows, most);
        const Gmres::ProductWith product = [&](Vector v, Vector out) {
            ++products;
            with_real(real, [&]<class T>(T) {
                std::vector<double> values(size);
                for (std::int64_t i = 0; i < size; ++i) values[i] = v.as<T>()[i];
                const std::vector<double> image = times(values);
                for (std::int64_t i = 0; i < size; ++i) out.as<T>()[i] = static_cast<T>(image[i]);
            });
        };
        const bool solved =
            gmres.solve(product, real, relative, right.vector(Real::fp64, size), x.vector(Real::fp64, size));
        std::vector<double> rest = times(download_array<double>(*backend, x.data(), size));
        double square = 0, length = 0;
        for (std::int64_t i = 0; i < size; ++i) {
            square += (b[i] - rest[i]) * (b[i] - rest[i]);
            length += b[i] * b[i];
        }
        return std::pair(solved, std::sqrt(square / length));
    };
    for (const Real real : {Real::fp32, Real::fp64}) {
        int products = 0;
        const auto [solved, left] = solve(real, 0.1, 200, products);
        EXPECT_TRUE(solved);
        EXPECT_LE(left, 0.3 * 1.001);
        EXPECT_LT(products, size);
        // The whole space, as far as the basis, which is kept in fp32, goes.
        int all = 0;
        const auto [whole, little] = solve(real, 1e-5, 200, all);
        EXPECT_TRUE(whole);
        EXPECT_LE(little, 1e-4);
        EXPECT_GT(all, products);
        int few = 0;
        const auto [cut, much] = solve(real, 1e-5, 4, few);
        EXPECT_FALSE(cut);
        EXPECT_EQ(few, 4);
        EXPECT_LT(much, 1);
    }
}

}  // namespace
}  // namespace ntpgeo
