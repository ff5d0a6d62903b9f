// The operations of the limit's smoothed Newton iteration, against their definitions: a level found by
// bisection, and a derivative by differences.
#include <cmath>
#include <limits>

#include "tests/operations/columns_fixture.hpp"

namespace ntpgeo {
namespace {

using Smoothed = ColumnsTest;
using columns_reference::label_of;
using columns_reference::Number;
using columns_reference::Row;

const double unknown = std::numeric_limits<double>::quiet_NaN();

/// z of one row by (4.2-8), with the level by bisection.
Row smooth_projection(const columns_reference::Label& label, Number margin, Number product, const Row& y) {
    const auto excess = [&](Number level) {  // Σ_S (a − y) − Σ_off u, which rises with a
        Number sum = 0;
        for (std::size_t v = 0; v < y.size(); ++v) {
            const Number w = level - margin - y[v];
            sum += label.on[v] ? level - y[v] : -(std::sqrt(w * w + 4 * product) - w) / 2;
        }
        return sum;
    };
    Number low = -1e4, high = 1e4;
    for (int k = 0; k < 200; ++k) (excess((low + high) / 2) < 0 ? low : high) = (low + high) / 2;
    Row z;
    for (std::size_t v = 0; v < y.size(); ++v) {
        const Number w = low - margin - y[v];
        z.push_back(label.on[v] ? low : low - margin - (std::sqrt(w * w + 4 * product) + w) / 2);
    }
    return z;
}

struct Smooth {
    std::vector<double> z, reflected, weights, levels;
};

Smooth smooth(const ColumnsOn& on, const std::vector<double>& y, const Smoothing& smoothing, Real real,
              const std::vector<double>& levels) {
    const Guarded from = on.upload(y), level = on.upload(levels), z = on.poisoned(),
                  reflected = on.poisoned(), weights = Guarded::poisoned(on.backend, real, on.problem.size());
    on.backend.smooth_margins(on.labels.view(), on.scales.data(), smoothing, on.matrix(from),
                              static_cast<double*>(level.vector().data), on.matrix(z), on.matrix(reflected),
                              on.matrix(weights));
    EXPECT_TRUE(same_bits(from.read(), y, on.problem.words));
    return {z.read(), reflected.read(), weights.read(), level.read()};
}

Outcome smooth_margins_as_defined(const ColumnsOn& on, std::uint64_t seed) {
    const ColumnsCase& problem = on.problem;
    const std::vector<double> y = random_values(problem.size(), 2, seed);
    Outcome outcome{problem.words, {}};
    for (const double nu : {1.0, 1e-3, 1e-12}) {
        const Smoothing smoothing{0.7, nu};
        const std::vector<double> from(static_cast<std::size_t>(problem.rows()), unknown);
        const Smooth found = smooth(on, y, smoothing, Real::fp64, from);
        std::vector<double> expected, weights;
        for (std::int64_t c = 0; c < problem.rows(); ++c) {
            const auto label = label_of(problem.labels, c);
            const Number margin = problem.scales[c], product = Number{0.7} * nu;
            const Row row = problem.row(y, c), z = smooth_projection(label, margin, product, row);
            const Number level = found.levels[c];
            for (std::size_t v = 0; v < z.size(); ++v) {
                expected.push_back(static_cast<double>(z[v]));
                const Number w = level - margin - row[v];
                weights.push_back(
                    label.on[v] ? 1 : static_cast<double>((1 - w / std::sqrt(w * w + 4 * product)) / 2));
                if (label.on[v]) {
                    EXPECT_EQ(found.z[c * problem.vocab() + v], found.levels[c]);
                }
            }
        }
        EXPECT_TRUE(close_to(found.z, expected, 1e-12, problem.words));
        EXPECT_TRUE(close_to(found.weights, weights, 1e-12, problem.words));
        EXPECT_TRUE(same_bits(found.reflected, reflection(found.z, y), problem.words));
        // From wherever Newton's method begins; and in fp32 the weights are the same, rounded.
        const std::vector<double> far(static_cast<std::size_t>(problem.rows()), 50.0);
        const Smooth again = smooth(on, y, smoothing, Real::fp32, far);
        EXPECT_TRUE(close_to(again.z, found.z, 1e-12, problem.words));
        EXPECT_TRUE(close_to(again.weights, weights, 1e-6, problem.words));
        outcome.values.insert(outcome.values.end(), found.z.begin(), found.z.end());
        outcome.values.insert(outcome.values.end(), found.weights.begin(), found.weights.end());
    }
    return outcome;
}

TEST_F(Smoothed, Margins) {
    expect(smooth_margins_as_defined, 1e-12);
}

// The direction's image is the difference of the projections on both sides of a point.
Outcome direction_as_difference(const ColumnsOn& on, std::uint64_t seed) {
    const ColumnsCase& problem = on.problem;
    const Smoothing smoothing{0.7, 0.3};
    const std::vector<double> y = random_values(problem.size(), 2, seed),
                              d = random_values(problem.size(), 1, seed + 1),
                              from(static_cast<std::size_t>(problem.rows()), unknown);
    const Smooth here = smooth(on, y, smoothing, Real::fp64, from);
    std::vector<double> expected;
    for (std::int64_t c = 0; c < problem.rows(); ++c) {
        const auto label = label_of(problem.labels, c);
        Row ahead = problem.row(y, c), behind = ahead;
        const Number h = 1e-6L;
        for (std::size_t v = 0; v < ahead.size(); ++v) {
            ahead[v] += h * d[c * problem.vocab() + v];
            behind[v] -= h * d[c * problem.vocab() + v];
        }
        const Number margin = problem.scales[c], product = Number{0.7} * Number{0.3};
        const Row z = smooth_projection(label, margin, product, ahead),
                  other = smooth_projection(label, margin, product, behind);
        for (std::size_t v = 0; v < z.size(); ++v)
            expected.push_back(static_cast<double>((z[v] - other[v]) / (2 * h)));
    }
    // The image of a direction may be far smaller than the direction, to whose size its rounding is relative.
    const auto beside_direction = [&d](std::vector<double> image) {
        image.insert(image.end(), d.begin(), d.end());
        return image;
    };
    Outcome outcome{problem.words, {}};
    for (const Real real : {Real::fp64, Real::fp32}) {
        const Guarded weights(on.backend, real, here.weights), direction(on.backend, real, d),
            projected = Guarded::poisoned(on.backend, real, problem.size()),
            reflected = Guarded::poisoned(on.backend, real, problem.size());
        on.backend.project_direction(on.matrix(weights), on.matrix(direction), on.matrix(projected),
                                     on.matrix(reflected));
        const std::vector<double> found = projected.read();
        EXPECT_TRUE(close_to(beside_direction(found), beside_direction(expected),
                             real == Real::fp64 ? 1e-10 : 1e-6, problem.words));
        EXPECT_TRUE(close_to(reflected.read(), reflection(found, direction.read()),
                             real == Real::fp64 ? 1e-15 : 1e-6, problem.words));
        outcome.values.insert(outcome.values.end(), found.begin(), found.end());
    }
    outcome.values = beside_direction(std::move(outcome.values));
    return outcome;
}

TEST_F(Smoothed, Direction) {
    expect(direction_as_difference, 1e-6);
}

TEST_F(Smoothed, WeighsTheSymmetricPart) {
    for (const std::int64_t n : {0, 1, 2, 31, 32, 33, 65, 100})
        for (const Real real : {Real::fp32, Real::fp64}) {
            const std::string words = std::to_string(n) + " rows";
            std::vector<double> weights = random(n * n, real), expected;
            const std::vector<double> h = random(n * n, real);
            for (std::int64_t i = 0; i < n; ++i)
                for (std::int64_t k = 0; k < i; ++k) weights[i * n + k] = weights[k * n + i];
            for (std::int64_t i = 0; i < n; ++i)
                for (std::int64_t k = 0; k < n; ++k)
                    expected.push_back(weights[i * n + k] * (h[i * n + k] + h[k * n + i]));
            const auto run = [&](Backend& on) {
                const Guarded factors(on, real, weights), matrix(on, real, h);
                on.weigh_symmetric_part(factors.matrix(n, n), matrix.matrix(n, n));
                EXPECT_TRUE(same_bits(factors.read(), weights, words));
                return matrix.read();
            };
            const std::vector<double> found = run(backend());
            EXPECT_TRUE(close_to(found, expected, real == Real::fp64 ? 1e-15 : 3e-7, words));
            EXPECT_TRUE(same_bits(found, run(cpu()), words));
        }
}

TEST_F(Smoothed, ScalesLines) {
    for (const auto& [rows, columns] :
         {std::pair<std::int64_t, std::int64_t>{0, 3}, {1, 1}, {5, 33}, {300, 70}})
        for (const Real real : {Real::fp32, Real::fp64})
            for (const bool by_column : {false, true}) {
                const std::string words = std::to_string(rows) + " rows of " + std::to_string(columns);
                const std::vector<double> a = random(rows * columns, real),
                                          factors = random(by_column ? columns : rows, real);
                std::vector<double> expected;
                for (std::int64_t i = 0; i < rows; ++i)
                    for (std::int64_t k = 0; k < columns; ++k)
                        expected.push_back(a[i * columns + k] * factors[by_column ? k : i]);
                const auto run = [&](Backend& on) {
                    const Guarded scale(on, real, factors), matrix(on, real, a);
                    on.scale_lines(scale.vector(), by_column, matrix.matrix(rows, columns));
                    EXPECT_TRUE(same_bits(scale.read(), factors, words));
                    return matrix.read();
                };
                const std::vector<double> found = run(backend());
                EXPECT_TRUE(close_to(found, expected, real == Real::fp64 ? 1e-15 : 3e-7, words));
                EXPECT_TRUE(same_bits(found, run(cpu()), words));
            }
}

}  // namespace
}  // namespace ntpgeo
