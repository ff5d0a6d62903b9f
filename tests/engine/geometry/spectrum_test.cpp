// Leading singular triplets of implicit matrices, dense and by block Krylov, against the reference.
#include "engine/geometry/spectrum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/geometry/proxy.hpp"
#include "kernels/svd/small.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

/// A matrix given densely, seen only through its products.
class Given final : public ImplicitMatrix {
  public:
    Given(Backend& backend, std::vector<double> values, std::int64_t rows, std::int64_t columns)
        : backend_(backend),
          memory_(upload_array(backend, values)),
          view_(memory_.matrix(Real::fp64, rows, columns)) {}
    [[nodiscard]] std::int64_t rows() const override { return view_.rows; }
    [[nodiscard]] std::int64_t columns() const override { return view_.columns; }
    void times(Matrix x, Matrix y) const override {
        ++products;
        backend_.multiply(plain, 1, view_, x, 0, y);
    }
    void transposed_times(Matrix y, Matrix x) const override {
        backend_.multiply(a_transposed, 1, view_, y, 0, x);
    }
    [[nodiscard]] double operations() const override {
        return 2 * static_cast<double>(view_.rows) * static_cast<double>(view_.columns);
    }
    mutable int products = 0;  ///< A·x, each of a block

  private:
    Backend& backend_;
    Array memory_;
    Matrix view_;
};

/// U diag(σ) Vᵀ with Householder-random U and V.
std::vector<double> with_spectrum(Backend& backend, const std::vector<double>& sigma, std::int64_t rows,
                                  std::int64_t columns) {
    const auto count = static_cast<std::int64_t>(sigma.size());
    Array u = upload_array(backend, random_values(rows * count, 1, 1)),
          v = upload_array(backend, random_values(columns * count, 1, 2));
    backend.orthonormalise(u.matrix(Real::fp64, rows, count));
    backend.orthonormalise(v.matrix(Real::fp64, columns, count));
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t k = 0; k < count; ++k)
            u.as<double>()[i * count + k] *= sigma[static_cast<std::size_t>(k)];
    const Array product(backend, rows * columns * 8);
    backend.multiply(b_transposed, 1, u.matrix(Real::fp64, rows, count), v.matrix(Real::fp64, columns, count),
                     0, product.matrix(Real::fp64, rows, columns));
    return download_array<double>(backend, product.data(), rows * columns);
}

class Shapes : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(Shapes, FindsAPlantedSpectrumWithClustersAndMultiplicities) {
    const auto [rows, columns] = GetParam();
    const auto backend = make_cpu_backend();
    // A triple value, a cluster of relative width 1e-9, a slow tail.
    std::vector<double> sigma{5, 3, 3, 3, 2, 2 - 1e-9, 2 - 2e-9};
    for (int k = 0; k < 60; ++k) sigma.push_back(1.5 * std::pow(0.97, k));
    const auto values = with_spectrum(*backend, sigma, rows, columns);
    const Given matrix(*backend, values, rows, columns);
    const LeadingSpectrum found = leading_spectrum(*backend, matrix, 16, 0, 7);
    ASSERT_EQ(found.values.size(), 16U);
    for (std::size_t k = 0; k < 16; ++k) EXPECT_NEAR(found.values[k], sigma[k], 1e-12) << k;
    EXPECT_LT(found.residual, 1e-10);
    EXPECT_EQ(found.vectors_are_left, rows <= columns);
    // The vectors are orthonormal and carry their values: ‖Aᵀu‖ = σ.
    const std::int64_t shorter = std::min(rows, columns);
    const Matrix u = found.vectors.matrix(Real::fp64, shorter, 16);
    const Array gram(*backend, 256 * 8), image(*backend, std::max(rows, columns) * 16 * 8);
    backend->multiply(a_transposed, 1, u, u, 0, gram.matrix(Real::fp64, 16, 16));
    for (int i = 0; i < 16; ++i)
        for (int k = 0; k < 16; ++k) EXPECT_NEAR(gram.as<double>()[i * 16 + k], i == k ? 1 : 0, 1e-12);
    const Matrix x = image.matrix(Real::fp64, std::max(rows, columns), 16);
    rows <= columns ? matrix.transposed_times(u, x) : matrix.times(u, x);
    for (int k = 0; k < 16; ++k) {
        double square = 0;
        for (std::int64_t i = 0; i < x.rows; ++i) square += std::pow(x.as<double>()[i * 16 + k], 2);
        EXPECT_NEAR(std::sqrt(square), found.values[static_cast<std::size_t>(k)], 1e-10);
    }
}

// Dense on either side, and block Krylov on either side.
INSTANTIATE_TEST_SUITE_P(Spectrum, Shapes,
                         testing::Values(std::tuple(80, 300), std::tuple(300, 80), std::tuple(400, 700),
                                         std::tuple(900, 300)));

TEST(Spectrum, KrylovAgreesWithADenseDecompositionOfNoise) {
    // A square Gaussian matrix has no gap anywhere: the slowest case there is.
    const auto backend = make_cpu_backend();
    const std::vector<double> values = random_values(320 * 320, 1, 3);
    const LeadingSpectrum found = leading_spectrum(*backend, Given(*backend, values, 320, 320), 16, 1, 2);
    const Array given = upload_array(*backend, values), left(*backend, given.bytes()),
                right(*backend, given.bytes());
    const auto matrix = [](const Array& array) { return array.matrix(Real::fp64, 320, 320); };
    const std::vector<double> dense = backend->small_svd(matrix(given), matrix(left), matrix(right));
    for (std::size_t k = 0; k < 16; ++k) EXPECT_NEAR(found.values[k], dense[k], 1e-11 * dense[0]) << k;
    EXPECT_LT(found.residual, 1e-10);
}

TEST(Spectrum, RanksBelowTheCountGiveZeros) {
    const auto backend = make_cpu_backend();
    const auto values = with_spectrum(*backend, {4, 1}, 500, 300);
    const LeadingSpectrum found = leading_spectrum(*backend, Given(*backend, values, 500, 300), 16, 0, 0);
    EXPECT_NEAR(found.values[0], 4, 1e-12);
    EXPECT_NEAR(found.values[1], 1, 1e-12);
    for (std::size_t k = 2; k < 16; ++k) EXPECT_NEAR(found.values[k], 0, 1e-12);
    const Given zero(*backend, std::vector<double>(300 * 400, 0.0), 300, 400);
    EXPECT_EQ(leading_spectrum(*backend, zero, 16, 0, 0).values[0], 0);
}

TEST(Spectrum, StopsWhereItsOperationsAreSpentAndSaysHowNearItCame) {
    const auto backend = make_cpu_backend();
    const Given noise(*backend, random_values(400 * 400, 1, 3), 400, 400);
    const LeadingSpectrum whole = leading_spectrum(*backend, noise, 16, 1, 2);
    double before = 1;
    for (const double most : {0.0, 1e8, 4e8}) {  // one block; some; most of what it takes
        const LeadingSpectrum found = leading_spectrum(*backend, noise, 16, 1, 2, {most});
        ASSERT_EQ(found.residuals.size(), 16U);
        EXPECT_EQ(*std::max_element(found.residuals.begin(), found.residuals.end()), found.residual);
        EXPECT_GT(found.residual, 1e-9) << most;
        EXPECT_LT(found.residual, before) << most;
        before = found.residual;
        for (std::size_t k = 0; k < 16; ++k)  // what a subspace has of a matrix is never more than the matrix
            EXPECT_LE(found.values[k], whole.values[k] * (1 + 1e-12)) << most;
    }
    EXPECT_EQ(leading_spectrum(*backend, noise, 16, 1, 2, {1e12}).values, whole.values);
}

TEST(Spectrum, GivesUpEarlyWhereNothingUsefulWouldBeFoundInTime) {
    const auto backend = make_cpu_backend();
    const Given noise(*backend, random_values(2000 * 2000, 1, 3), 2000, 2000);
    constexpr double most = 6e9;
    EXPECT_GT(leading_spectrum(*backend, noise, 16, 1, 2, {most}).residuals[0], 1e-8);
    const int spent = noise.products;
    EXPECT_TRUE(leading_spectrum(*backend, noise, 16, 1, 2, {most, 1e-8}).values.empty());
    EXPECT_LT(4 * (noise.products - spent), 3 * spent);

    // The first stands out; not all of the others are found by then.
    std::vector<double> values = random_values(2000 * 2000, 1, 3);
    for (std::size_t i = 0; i < 2000; ++i) values[i * 2000] += 8;
    const LeadingSpectrum found =
        leading_spectrum(*backend, Given(*backend, values, 2000, 2000), 16, 1, 2, {most, 1e-8});
    ASSERT_EQ(found.values.size(), 16U);
    EXPECT_LT(found.residuals[0], 1e-8);
    EXPECT_GT(found.residual, 1e-8);
}

TEST(Spectrum, OfAProxyOnlyTheTripletsThatWereFoundAreKept) {
    // A few common words stand out; the others are noise, among which nothing is found soon.
    const auto backend = make_cpu_backend();
    const Dataset noise = random_dataset(4200, 4300, 4000, 2, 6, 11);
    std::vector<std::vector<std::int32_t>> supports;
    for (std::int64_t j = 0; j < noise.contexts(); ++j) {
        std::set<std::int32_t> support(noise.indices.begin() + noise.indptr[j],
                                       noise.indices.begin() + noise.indptr[j + 1]);
        for (std::int32_t word = 0; word < 4; ++word)
            if (j < 4000 >> word) support.insert(word);
        supports.emplace_back(support.begin(), support.end());
    }
    const Dataset data = uniform_dataset(4200, supports);
    const Labels labels(*backend, data);
    const SupportProxy none(*backend, data, labels.view(), 0), some(*backend, data, labels.view(), 1e10);
    EXPECT_EQ(none.kind(), "leading 0");
    EXPECT_EQ(none.directions(16).count(), 0);
    const Array words(*backend, 4200 * 3 * 8);
    backend->fill_normal(words.vector(Real::fp64, 4200 * 3), {1, 0}, 1);
    EXPECT_TRUE(std::isnan(none.words_gram_cosine(words.matrix(Real::fp64, 4200, 3))));
    const std::size_t found = some.values().size();
    EXPECT_EQ(some.kind(), "leading " + std::to_string(found));
    EXPECT_GT(found, 0U);
    EXPECT_LT(found, 64U) << found;
}

TEST(Spectrum, DependsOnSeedAndStreamAlone) {
    const auto backend = make_cpu_backend();
    const std::vector<double> values = random_values(300 * 350, 1, 5);
    const Given matrix(*backend, values, 300, 350);
    EXPECT_EQ(leading_spectrum(*backend, matrix, 16, 4, 9).values,
              leading_spectrum(*backend, matrix, 16, 4, 9).values);
}

TEST(CentredSupport, ProductsAreThoseOfTheDenseMatrix) {
    const Dataset data = random_dataset(17, 40, 13, 1, 5, 6);
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    const CentredSupport support(*backend, labels.view());
    std::vector<double> dense(17 * 40, 0.0);
    for (std::int64_t j = 0; j < 40; ++j)
        for (std::int64_t v = 0; v < 17; ++v) {
            double in = 0;
            for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
                in += data.indices[i] == v ? 1 : 0;
            dense[v * 40 + j] = in - static_cast<double>(data.support_size(j)) / 17;
        }
    const std::vector<double> x = random_values(40 * 3, 1, 7), y = random_values(17 * 3, 1, 8);
    const Array xa = upload_array(*backend, x), ya = upload_array(*backend, y), ax(*backend, 17 * 3 * 8),
                aty(*backend, 40 * 3 * 8);
    support.times(xa.matrix(Real::fp64, 40, 3), ax.matrix(Real::fp64, 17, 3));
    support.transposed_times(ya.matrix(Real::fp64, 17, 3), aty.matrix(Real::fp64, 40, 3));
    for (int c = 0; c < 3; ++c) {
        for (int v = 0; v < 17; ++v) {
            double sum = 0;
            for (int j = 0; j < 40; ++j) sum += dense[v * 40 + j] * x[j * 3 + c];
            EXPECT_NEAR(ax.as<double>()[v * 3 + c], sum, 1e-13);
        }
        for (int j = 0; j < 40; ++j) {
            double sum = 0;
            for (int v = 0; v < 17; ++v) sum += dense[v * 40 + j] * y[v * 3 + c];
            EXPECT_NEAR(aty.as<double>()[j * 3 + c], sum, 1e-13);
        }
    }
}

}  // namespace
}  // namespace ntpgeo
