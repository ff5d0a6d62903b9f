// Dense decompositions: what makes them one is checked, whatever the signs, and their values against the
// CPU's.
#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "kernels/base/status.hpp"
#include "tests/matrices.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

using namespace matrices;

/// left·diag(values)·right [rows, columns]
Values recomposed(const Values& left, const Values& values, const Values& right, std::int64_t rows,
                  std::int64_t columns) {
    const auto k = static_cast<std::int64_t>(values.size());
    return product(plain, product(plain, left, diagonal(values), rows, k, k), right, rows, columns, k);
}

void expect_orthonormal_rows(const Values& a, std::int64_t rows, std::int64_t columns, double within,
                             const std::string& configuration) {
    EXPECT_TRUE(
        close_to(product(b_transposed, a, a, rows, rows, columns), identity(rows), within, configuration));
}

class Svd : public OperationTest {
  protected:
    void try_symmetric_eigen() {
        const double within = 1e-12;
        for (const std::int64_t n : {0, 1, 2, 31, 32, 33, 100}) {
            const std::string configuration = "n " + std::to_string(n);
            Values matrix = random(n * n), upper = matrix;
            for (std::int64_t i = 0; i < n; ++i)
                for (std::int64_t k = i + 1; k < n; ++k) {
                    matrix[k * n + i] = matrix[i * n + k];
                    upper[k * n + i] = 1e3;  // is not used
                }
            const SymmetricEigen eigen = backend().symmetric_eigen(upper, n),
                                 twin = cpu().symmetric_eigen(upper, n);
            EXPECT_TRUE(close_to(eigen.values, twin.values, within, configuration));
            EXPECT_TRUE(std::is_sorted(eigen.values.rbegin(), eigen.values.rend())) << configuration;
            const Values rows = transposed(eigen.vectors, n, n);
            expect_orthonormal_rows(rows, n, n, within, configuration);
            EXPECT_TRUE(
                close_to(recomposed(eigen.vectors, eigen.values, rows, n, n), matrix, within, configuration));
        }
    }
    void try_small_svd(const Values& matrix, std::int64_t n, const std::string& configuration) {
        const auto run = [&](Backend& on) {
            const Guarded a(on, Real::fp64, matrix), left = Guarded::poisoned(on, Real::fp64, n * n),
                                                     right = Guarded::poisoned(on, Real::fp64, n * n);
            Values values = on.small_svd(a.matrix(n, n), left.matrix(n, n), right.matrix(n, n));
            static_cast<void>(a.read());  // looks at its surroundings
            return std::tuple(std::move(values), left.read(), right.read());
        };
        const auto [values, left, right] = run(backend());
        EXPECT_TRUE(close_to(values, std::get<0>(run(cpu())), 1e-12, configuration));
        EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend())) << configuration;
        expect_orthonormal_rows(transposed(left, n, n), n, n, 1e-12, configuration + ", left");
        expect_orthonormal_rows(right, n, n, 1e-12, configuration + ", right");
        EXPECT_TRUE(close_to(recomposed(left, values, right, n, n), matrix, 1e-12, configuration));
    }
};

TEST_F(Svd, SymmetricEigen) {
    try_symmetric_eigen();
}

/// [n, n] symmetric, as `real` stores it.
Values symmetric(Values matrix, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t k = 0; k < i; ++k) matrix[i * n + k] = matrix[k * n + i];
    return matrix;
}

TEST_F(Svd, DecomposesWhereTheMatrixStands) {
    for (const Real real : {Real::fp64, Real::fp32})
        for (const std::int64_t n : {0, 1, 2, 31, 32, 33, 100}) {
            const double within = real == Real::fp64 ? 1e-12 : 1e-5;
            const std::string configuration = "n " + std::to_string(n);
            const Values matrix = symmetric(random(n * n, real), n);
            Values upper = matrix;
            for (std::int64_t i = 0; i < n; ++i)
                for (std::int64_t k = 0; k < i; ++k) upper[i * n + k] = 1e3;  // is not used
            const Guarded rows(backend(), real, upper), values = Guarded::poisoned(backend(), real, n);
            const Values descending = backend().decompose_symmetric(rows.matrix(n, n), values.vector());
            const Values found = rows.read();
            Values ascending = values.read();
            EXPECT_TRUE(std::is_sorted(ascending.begin(), ascending.end())) << configuration;
            EXPECT_TRUE(close_to(recomposed(transposed(found, n, n), ascending, found, n, n), matrix, within,
                                 configuration));
            expect_orthonormal_rows(found, n, n, within, configuration);
            std::reverse(ascending.begin(), ascending.end());
            EXPECT_TRUE(same_bits(descending, ascending, configuration));
        }
}

/// √f(σ) by its definition in spectral_map.hpp.
double root_of_factor(const SpectralMap& map, double square) {
    using Kind = SpectralMap::Kind;
    const double s = std::sqrt(std::max(square, 0.0));
    switch (map.kind) {
        case Kind::keep:
            return 1;
        case Kind::shrink:
            return s > map.tau ? std::sqrt(1 - map.tau / s) : 0;
        case Kind::clip:
            return s > 1 ? std::sqrt(1 / s) : 1;
        case Kind::smooth_shrink:
            break;
    }
    const auto root = [&](double to) { return std::sqrt(to * to + 4 * map.tau * map.nu); };
    return std::sqrt(1 - 2 * map.tau / (root(s + map.tau) + root(s - map.tau)));
}

// Of either precision into either, and fewer vectors than there are.
TEST_F(Svd, TakesEigenvectorsTimesAMapOfTheirValues) {
    using Kind = SpectralMap::Kind;
    for (const SpectralMap& map : {SpectralMap{}, SpectralMap{Kind::shrink, 0.7}, SpectralMap{Kind::clip},
                                   SpectralMap{Kind::smooth_shrink, 0.7, 0.3}})
        for (const Real from : {Real::fp64, Real::fp32})
            for (const Real to : {Real::fp64, Real::fp32})
                for (const std::int64_t n : {1, 31, 33, 70})
                    for (const std::int64_t count : {std::int64_t{0}, std::int64_t{1}, n / 2, n}) {
                        const std::string configuration =
                            shape_words(n, count) + ", map " + std::to_string(static_cast<int>(map.kind));
                        const Values rows = random(n * n, from);
                        Values values = random(n, from);  // one at least below 0, as rounding leaves them
                        std::sort(values.begin(), values.end());
                        values.front() = -1e-3F;
                        const auto run = [&](Backend& on) {
                            const Guarded vectors(on, from, rows), squares(on, from, values),
                                out = Guarded::poisoned(on, to, n * count);
                            on.take_eigenvectors(vectors.matrix(n, n), squares.vector(), map,
                                                 out.matrix(n, count));
                            EXPECT_TRUE(same_bits(vectors.read(), rows, configuration));
                            EXPECT_TRUE(same_bits(squares.read(), values, configuration));
                            return out.read();
                        };
                        Values expected(static_cast<std::size_t>(n * count));
                        for (std::int64_t i = 0; i < n; ++i)
                            for (std::int64_t k = 0; k < count; ++k)
                                expected[i * count + k] =
                                    root_of_factor(map, values[n - 1 - k]) * rows[(n - 1 - k) * n + i];
                        const Values found = run(backend());
                        EXPECT_TRUE(
                            close_to(found, expected, to == Real::fp64 ? 1e-14 : 1e-6, configuration));
                        EXPECT_TRUE(same_bits(found, run(cpu()), configuration));
                    }
}

// Against differences of the map itself; two values that agree, two that nearly do, and one of rounding.
TEST_F(Svd, SlopesAreDividedDifferencesOfTheMap) {
    const SpectralMap map{SpectralMap::Kind::smooth_shrink, 0.7, 0.3};
    const Values values{-1e-17, 1e-3, 0.5, 0.5, 0.5 + 1e-9, 2, 9};
    const auto n = static_cast<std::int64_t>(values.size());
    const auto factor = [&](long double square) {
        const auto root = [&](long double to) { return std::sqrt(to * to + 4 * 0.7L * 0.3L); };
        const long double s = std::sqrt(std::max(square, 0.0L));
        return 1 - 2 * 0.7L / (root(s + 0.7L) + root(s - 0.7L));
    };
    for (const Real real : {Real::fp64, Real::fp32}) {
        const auto run = [&](Backend& on) {
            const Guarded squares(on, Real::fp64, values), factors = Guarded::poisoned(on, real, n),
                                                           slopes = Guarded::poisoned(on, real, n * n);
            on.spectral_slopes(squares.vector(), map, factors.vector(), slopes.matrix(n, n));
            return std::pair(factors.read(), slopes.read());
        };
        const auto [factors, slopes] = run(backend());
        for (std::int64_t i = 0; i < n; ++i) {
            const double one = values[n - 1 - i];
            EXPECT_NEAR(factors[i], static_cast<double>(factor(one)), 1e-7) << i;
            for (std::int64_t k = 0; k < n; ++k) {
                const double other = values[n - 1 - k];
                if (std::max(one, other) < 1e-2) continue;  // the slope at 0 is cut off
                const long double near = std::abs(one - other) < 1e-6 ? 1e-5L : 0;
                const long double up = one + near, down = other - near;
                EXPECT_NEAR(slopes[i * n + k], static_cast<double>((factor(up) - factor(down)) / (up - down)),
                            1e-6)
                    << i << ", " << k;
            }
        }
        const auto [cpu_factors, cpu_slopes] = run(cpu());
        EXPECT_TRUE(same_bits(factors, cpu_factors, "factors"));
        EXPECT_TRUE(same_bits(slopes, cpu_slopes, "slopes"));
    }
}

TEST_F(Svd, SmallSvdOfEverySize) {
    for (const std::int64_t n : {0, 1, 2, 7, 31, 32, 33, 100})
        try_small_svd(random(n * n), n, "n " + std::to_string(n));
}

TEST_F(Svd, SmallSvdOfAMatrixWithoutFullRank) {
    const Values left = random(20 * 3), right = random(3 * 20);
    const Values matrix = product(plain, left, right, 20, 20, 3);
    try_small_svd(matrix, 20, "rank 3");
    const Guarded a(backend(), Real::fp64, matrix), u = Guarded::poisoned(backend(), Real::fp64, 400),
                                                    v = Guarded::poisoned(backend(), Real::fp64, 400);
    const Values values = backend().small_svd(a.matrix(20, 20), u.matrix(20, 20), v.matrix(20, 20));
    for (std::size_t k = 3; k < 20; ++k) EXPECT_LT(values[k], 1e-12 * values[0]) << k;
}

// Before it looks at a matrix, which would be of gigabytes.
TEST_F(Svd, AMatrixAboveTheLimitIsRefusedByName) {
    const EigenLimit limit = backend().eigen_limit();
    EXPECT_GE(limit.largest, 20000);
    const auto expect_refused = [&](const auto& decompose) {
        try {
            decompose();
            FAIL() << limit.routine;
        } catch (const Failure& error) {
            const std::string message = error.what();
            for (const std::string& part : {limit.routine, std::to_string(limit.largest)})
                EXPECT_NE(message.find(part), std::string::npos) << message;
        }
    };
    const std::int64_t n = limit.largest + 1;
    expect_refused([&] { backend().symmetric_eigen({}, n); });
    for (const Real real : {Real::fp64, Real::fp32})
        expect_refused([&] { backend().decompose_symmetric({nullptr, real, n, n}, {nullptr, real, n}); });
}

}  // namespace
}  // namespace ntpgeo
