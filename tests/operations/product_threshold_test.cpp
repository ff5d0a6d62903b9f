// Singular value thresholding by products alone, of matrices whose singular values and vectors are planted:
// what X must be is known without any decomposition.
#include "engine/exact/product_threshold.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/exact/threshold.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

using Values = std::vector<double>;

struct Planted {
    Values matrix, thresholded;  ///< [rows, vocab]
};

double roundoff(Real real) {
    return real == Real::fp64 ? 0x1p-53 : 0x1p-24;
}

class ProductThresholds : public OperationTest {
  protected:
    /// [rows, columns] with orthonormal columns, by Gram–Schmidt's method made twice.
    Values orthonormal(std::int64_t rows, std::int64_t columns) {
        Values a = random(rows * columns);
        const auto product = [&](std::int64_t p, std::int64_t q) {
            double sum = 0;
            for (std::int64_t i = 0; i < rows; ++i) sum += a[i * columns + p] * a[i * columns + q];
            return sum;
        };
        for (std::int64_t k = 0; k < columns; ++k) {
            for (int pass = 0; pass < 2; ++pass)
                for (std::int64_t q = 0; q < k; ++q) {
                    const double along = product(k, q);
                    for (std::int64_t i = 0; i < rows; ++i) a[i * columns + k] -= along * a[i * columns + q];
                }
            const double length = std::sqrt(product(k, k));
            for (std::int64_t i = 0; i < rows; ++i) a[i * columns + k] /= length;
        }
        return a;
    }
    /// Σ σ_k u_k v_kᵀ, and the same of max(σ_k − τ, 0).
    Planted plant(std::int64_t rows, std::int64_t vocab, const Values& sigma, double tau) {
        const std::int64_t n = std::ssize(sigma);
        const Values left = orthonormal(rows, n), right = orthonormal(vocab, n);
        Planted planted{Values(static_cast<std::size_t>(rows * vocab), 0.0), {}};
        planted.thresholded = planted.matrix;
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t v = 0; v < vocab; ++v)
                for (std::int64_t k = 0; k < n; ++k) {
                    const double vectors = left[i * n + k] * right[v * n + k];
                    planted.matrix[i * vocab + v] += sigma[k] * vectors;
                    planted.thresholded[i * vocab + v] += std::max(sigma[k] - tau, 0.0) * vectors;
                }
        return planted;
    }
    /// X, or nothing where it could not be made.
    std::optional<Values> threshold(Backend& on, const Values& matrix, std::int64_t rows, std::int64_t vocab,
                                    double tau, Real real, double expected_square);
    /// In every shape that `sigma` and τ = 1 times `unit` are tried in.
    void try_spectrum(const Values& sigma, const std::string& name, double unit = 1);
};

std::optional<Values> ProductThresholds::threshold(Backend& on, const Values& matrix, std::int64_t rows,
                                                   std::int64_t vocab, double tau, Real real,
                                                   double expected_square) {
    const std::int64_t n = std::min(rows, vocab);
    const SolverRows all(on, rows, vocab);
    ProductThreshold products(all);
    products.expect(expected_square);
    const std::optional<ProductPlan> plan = products.plan(tau, real);
    if (!plan) return std::nullopt;
    const Guarded a(on, real, matrix), x = Guarded::poisoned(on, real, rows * vocab);
    const Guarded work[] = {Guarded::poisoned(on, real, n * n), Guarded::poisoned(on, real, n * n),
                            Guarded::poisoned(on, real, n * n), Guarded::poisoned(on, real, n * n)};
    const bool made = products.apply(
        *plan, {work[0].matrix(n, n), work[1].matrix(n, n), work[2].matrix(n, n), work[3].matrix(n, n)},
        {a.matrix(rows, vocab)}, tau, x.matrix(rows, vocab));
    EXPECT_TRUE(same_bits(a.read(), rounded(real, matrix), "A"));
    if (!made) return std::nullopt;
    return x.read();
}

void ProductThresholds::try_spectrum(const Values& sigma, const std::string& name, double unit) {
    const std::int64_t n = std::ssize(sigma);
    Values scaled = sigma;
    double square = 0;
    for (double& value : scaled) {
        value *= unit;
        square += value * value;
    }
    for (const auto& [rows, vocab] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{n, n}, {n + 9, n}, {n, 2 * n + 1}})
        for (const Real real : {Real::fp64, Real::fp32}) {
            if (real == Real::fp32 && (unit < 1e-10 || unit > 1e10)) continue;
            const std::string configuration = name + ", " + std::to_string(rows) + " x " +
                                              std::to_string(vocab) +
                                              (real == Real::fp64 ? ", fp64" : ", fp32");
            const auto [matrix, expected] = plant(rows, vocab, scaled, unit);
            // Half of what it is, and a little more.
            const double guess = (rows > vocab ? 0.5 : 1.1) * square;
            const std::optional<Values> found = threshold(backend(), matrix, rows, vocab, unit, real, guess);
            ASSERT_TRUE(found) << configuration;
            // A singular value near τ is known to u·σ₁²/τ, as by a decomposition of the Gram matrix.
            const double within = 8 * static_cast<double>(n) * roundoff(real) * sigma[0] * sigma[0];
            double worst = 0;
            for (std::size_t i = 0; i < expected.size(); ++i)
                worst = std::max(worst, std::abs((*found)[i] - expected[i]) / unit);
            EXPECT_LE(worst, within) << configuration;
        }
}

/// `count` values from `first` to `last`.
Values between(double first, double last, int count) {
    Values values;
    for (int k = 0; k < count; ++k) values.push_back(first + (last - first) * k / std::max(count - 1, 1));
    return values;
}

Values joined(Values values, const Values& others) {
    values.insert(values.end(), others.begin(), others.end());
    return values;
}

TEST_F(ProductThresholds, OfSpectraOnBothSidesOfTheThreshold) {
    try_spectrum(between(10, 0.01, 33), "even");
    try_spectrum(joined({10, 5, 3}, Values(14, 0.0)), "rank 3");
    try_spectrum(joined({30}, between(2, 0.1, 12)), "one large");
    try_spectrum({2}, "one");
}

TEST_F(ProductThresholds, OfSpectraOnOneSideOfIt) {
    try_spectrum(between(9, 1.1, 17), "all above");
    try_spectrum(between(0.9, 0.1, 17), "all below");
    try_spectrum(between(1e-4, 1e-5, 5), "far below");
}

// Where σ = τ the sign never arrives, and the threshold is as right as elsewhere.
TEST_F(ProductThresholds, OfSingularValuesAtTheThreshold) {
    for (const double distance : {0.0, 1e-9, 1e-5}) {
        Values sigma = between(5, 2, 5);
        for (int k = 0; k < 8; ++k) sigma.push_back(1 + distance * (k - 3.5));
        try_spectrum(joined(sigma, between(0.9, 0, 6)), "clustered to " + std::to_string(distance));
    }
}

TEST_F(ProductThresholds, OfAnyScale) {
    for (const double unit : {1e-100, 1e-5, 1e5, 1e100})
        try_spectrum(between(10, 0.01, 9), "times " + std::to_string(unit), unit);
}

TEST_F(ProductThresholds, HaveTheSameBitsEachTime) {
    const Values matrix = random(63);
    const auto made = [&] { return *threshold(backend(), matrix, 9, 7, 1, Real::fp64, 63); };
    EXPECT_TRUE(same_bits(made(), made()));
}

TEST_F(ProductThresholds, OfZeroIsZero) {
    const std::optional<Values> found = threshold(backend(), Values(24, 0.0), 6, 4, 1, Real::fp64, 3);
    ASSERT_TRUE(found);
    for (const double value : *found) EXPECT_NEAR(value, 0, 1e-300);
}

// Beyond what the steps were chosen for nothing is promised, and that is noticed.
TEST_F(ProductThresholds, SayWhereTheMatrixWasNotAsExpected) {
    Values matrix = random(63);
    double square = 0;
    for (const double value : matrix) square += value * value;
    EXPECT_TRUE(threshold(backend(), matrix, 9, 7, 1, Real::fp64, square));
    for (const double share : {0.24, 1e-2, 1e-6})
        EXPECT_FALSE(threshold(backend(), matrix, 9, 7, 1, Real::fp64, share * square)) << share;
    for (const double value :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        matrix[11] = value;
        EXPECT_FALSE(threshold(backend(), matrix, 9, 7, 1, Real::fp64, square)) << value;
    }
}

TEST_F(ProductThresholds, AreNotPlannedWithoutAScaleOrBeyondWhatAGramMatrixKnows) {
    const SolverRows rows(backend(), 9, 7);
    ProductThreshold products(rows);
    EXPECT_FALSE(products.plan(1, Real::fp64));
    for (const double nothing :
         {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        products.expect(nothing);
        EXPECT_FALSE(products.plan(1, Real::fp64)) << nothing;
    }
    products.expect(1);
    EXPECT_TRUE(products.plan(1, Real::fp64));
    EXPECT_TRUE(products.plan(1e-3, Real::fp32));
    EXPECT_FALSE(products.plan(1e-4, Real::fp32));
    EXPECT_FALSE(products.plan(1e-8, Real::fp64));
    EXPECT_FALSE(products.plan(0, Real::fp64));
}

// A spectrum's first threshold knows no scale; where the next matrix is much larger it decomposes again.
TEST_F(ProductThresholds, TakeTheDecompositionsPlaceWhereTheyCan) {
    const auto [matrix, expected] = plant(20, 12, between(10, 0.2, 12), 1);
    const Guarded a(backend(), Real::fp64, matrix), x = Guarded::poisoned(backend(), Real::fp64, 20 * 12);
    DenseSpectrum spectrum(backend(), 20, 12, ThresholdBy::products);
    std::int64_t made = 0;
    for (const auto& [remember, scale, is_made] :
         std::vector<std::tuple<Remember, double, bool>>{{Remember::no, 1, false},
                                                         {Remember::no, 1, true},
                                                         {Remember::yes, 1, false},
                                                         {Remember::no, 1.5, true},
                                                         {Remember::no, 5, false},
                                                         {Remember::no, 4, true},
                                                         {Remember::no, 0, true}}) {
        Values scaled = matrix, wanted = expected;
        for (double& value : scaled) value *= scale;
        for (double& value : wanted) value *= scale;
        backend().upload(scaled.data(), a.matrix(20, 12).data, std::ssize(scaled) * 8);
        spectrum.threshold(a.matrix(20, 12), scale == 0 ? 1.0 : scale, x.matrix(20, 12), remember);
        EXPECT_TRUE(close_to(x.read(), wanted, 1e-12, "times " + std::to_string(scale)));
        made += is_made ? 1 : 0;
        EXPECT_EQ(spectrum.made_by_products(), made) << scale;
    }
    EXPECT_EQ(spectrum.values().size(), 11U);  // those of the last decomposition
    DenseSpectrum other(backend(), 20, 12, ThresholdBy::decomposition);
    for (int k = 0; k < 3; ++k) other.threshold(a.matrix(20, 12), 1, x.matrix(20, 12), Remember::no);
    EXPECT_EQ(other.made_by_products(), 0);
}

TEST(NewtonSchulzScales, TakeEverythingToOneInTheFewestSteps) {
    for (const Real real : {Real::fp64, Real::fp32})
        for (const double least : {2 * roundoff(real), 1e-4, 0.3, 0.999}) {
            const Values scales = newton_schulz_scales(least, real);
            for (int k = 0; k <= 1000; ++k) {
                double x = std::pow(least, k / 1000.0);
                for (const double scale : scales) {
                    x = scale * x * (3 - scale * scale * x * x) / 2;
                    ASSERT_GT(x, 0) << least;
                    ASSERT_LE(x, 1 + 4 * roundoff(Real::fp64)) << least;
                }
                EXPECT_NEAR(x, 1, 4 * roundoff(real)) << least;
            }
        }
    EXPECT_EQ(newton_schulz_scales(0x1p-52, Real::fp64).size(), 43U);
    EXPECT_EQ(newton_schulz_scales(0x1p-23, Real::fp32).size(), 21U);
    EXPECT_TRUE(newton_schulz_scales(1, Real::fp64).empty());
}

}  // namespace
}  // namespace ntpgeo
