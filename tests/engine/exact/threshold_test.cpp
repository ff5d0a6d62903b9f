// Singular value thresholding against one-sided Jacobi rotations, and decompositions of planted matrices.
#include "engine/exact/threshold.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "kernels/backend_cpu.hpp"
#include "tests/compare.hpp"
#include "tests/exact_reference.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

struct Thresholded {
    std::vector<double> in_fp64, in_fp32, values;
};

Thresholded threshold(const std::vector<double>& a, std::int64_t rows, std::int64_t vocab, double tau) {
    const std::unique_ptr<Backend> backend = make_cpu_backend();
    DenseSpectrum spectrum(*backend, rows, vocab);
    const Array from = upload_array(*backend, a), to(*backend, rows * vocab * 8);
    const Matrix source = from.matrix(Real::fp64, rows, vocab), target = to.matrix(Real::fp64, rows, vocab);
    Thresholded result;
    spectrum.threshold(source, tau, target);
    result.in_fp64 = download_array<double>(*backend, to.data(), rows * vocab);
    EXPECT_TRUE(same_bits(download_array<double>(*backend, from.data(), rows * vocab), a));
    result.values = spectrum.values();
    spectrum.threshold_in_fp32(source, tau, target);
    result.in_fp32 = download_array<double>(*backend, to.data(), rows * vocab);
    return result;
}

// Both sides as the shorter one; few and many survivors take different products.
TEST(Threshold, AgreesWithAPlainDecomposition) {
    for (const auto& [rows, vocab] :
         std::vector<std::pair<int, int>>{{40, 13}, {13, 40}, {20, 20}, {1, 5}, {5, 1}})
        for (const double share : {0.1, 0.6, 0.95}) {
            const std::string configuration =
                std::to_string(rows) + " x " + std::to_string(vocab) + ", tau " + std::to_string(share);
            const std::vector<double> a = random_values(std::int64_t{rows} * vocab, 1, 7);
            const std::vector<double> sigma = reference::singular_values(a, rows, vocab);
            const double tau = share * sigma[0];
            const Thresholded found = threshold(a, rows, vocab, tau);
            const std::vector<double> expected = reference::soft_threshold(a, rows, vocab, tau);
            EXPECT_TRUE(close_to(found.in_fp64, expected, 1e-12, configuration));
            EXPECT_TRUE(close_to(found.in_fp32, expected, 1e-6 / (share * share * (1 - share)),
                                 configuration + ", fp32"));
            std::vector<double> left;
            for (const double value : sigma)
                if (value > tau) left.push_back(value - tau);
            EXPECT_TRUE(close_to(found.values, left, 1e-12, configuration));
        }
}

TEST(Threshold, AboveEverySingularValueLeavesNothing) {
    const std::vector<double> a = random_values(12, 1, 3);
    const Thresholded found = threshold(a, 4, 3, 100);
    EXPECT_EQ(found.in_fp64, std::vector<double>(12, 0.0));
    EXPECT_EQ(found.in_fp32, std::vector<double>(12, 0.0));
    EXPECT_TRUE(found.values.empty());
}

/// Whose products are wrong by a part in a million from the `from`-th on.
class WrongProducts final : public CpuBackend {
  public:
    explicit WrongProducts(int from) : from_(from) {}
    int calls = 0;

    void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta, Matrix c) override {
        CpuBackend::multiply(product, alpha, a, b, beta, c);
        if (calls++ >= from_) c.as<double>()[0] *= 1 + 1e-6;
    }

  private:
    int from_;
};

// As an error of the device would: while the sign is made, and while the root is.
TEST(Threshold, ByProductsThatHaveNotArrivedIsMadeByADecompositionFromThereOn) {
    for (const int from : {0, 60, 95}) {
        WrongProducts backend(from);
        const std::vector<double> matrix = random_values(96, 1, 5),
                                  expected = reference::soft_threshold(matrix, 12, 8, 1);
        const Array a = upload_array(backend, matrix), x(backend, 768);
        DenseSpectrum spectrum(backend, 12, 8, ThresholdBy::products);
        spectrum.threshold(a.matrix(Real::fp64, 12, 8), 1, x.matrix(Real::fp64, 12, 8));
        backend.calls = 0;
        int tried = 0;
        for (int k = 0; k < 2; ++k) {
            spectrum.threshold(a.matrix(Real::fp64, 12, 8), 1, x.matrix(Real::fp64, 12, 8), Remember::no);
            EXPECT_TRUE(close_to(download_array<double>(backend, x.data(), 96), expected, 1e-5));
            if (k == 0) tried = backend.calls;
        }
        EXPECT_EQ(spectrum.made_by_products(), 0) << from;
        EXPECT_GT(tried, 100) << from;
        EXPECT_LT(backend.calls, tried + 10) << from;
    }
}

// [rows, columns] with orthonormal columns.
std::vector<double> orthonormal(Backend& backend, int rows, int columns, std::uint64_t seed) {
    const Array basis = upload_array(backend, random_values(std::int64_t{rows} * columns, 1, seed));
    backend.orthonormalise(basis.matrix(Real::fp64, rows, columns));
    return download_array<double>(backend, basis.data(), std::int64_t{rows} * columns);
}

// left [rows, k] times right [columns, k] transposed.
std::vector<double> outer(const std::vector<double>& left, const std::vector<double>& right, int k) {
    const std::size_t width = k, rows = left.size() / width, columns = right.size() / width;
    std::vector<double> product(rows * columns, 0.0);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j)
            for (std::size_t q = 0; q < width; ++q)
                product[i * columns + j] += left[i * width + q] * right[j * width + q];
    return product;
}

// How far the columns of factor/√σ [·, k] are from orthonormal.
double deviation(const std::vector<double>& factor, const std::vector<double>& sigma) {
    const std::size_t k = sigma.size();
    double worst = 0;
    for (std::size_t a = 0; a < k; ++a)
        for (std::size_t b = 0; b < k; ++b) {
            double sum = a == b ? -1 : 0;
            for (std::size_t i = 0; i < factor.size(); i += k)
                sum += factor[i + a] * factor[i + b] / std::sqrt(sigma[a] * sigma[b]);
            worst = std::max(worst, std::abs(sum));
        }
    return worst;
}

// Singular values down to where the Gram matrix knows nothing of them, one of them far below what is kept.
TEST(Decomposition, KeepsFactorsOrthonormalDownToTheSmallest) {
    const std::unique_ptr<Backend> backend = make_cpu_backend();
    const int k = 9;
    const std::vector<double> planted{1, 0.3, 0.3, 1e-2, 1e-4, 1.5e-6, 1e-8, 1e-10, 1e-13};
    for (const auto& [rows, vocab] : std::vector<std::pair<int, int>>{{40, 13}, {13, 40}, {9, 9}}) {
        const std::string configuration = std::to_string(rows) + " x " + std::to_string(vocab);
        std::vector<double> left = orthonormal(*backend, rows, k, 1);
        for (std::size_t i = 0; i < left.size(); ++i) left[i] *= planted[i % k];
        const std::vector<double> z = outer(left, orthonormal(*backend, vocab, k, 2), k);
        const Array matrix = upload_array(*backend, z), work(*backend, rows * vocab * 8);
        const Matrix source = matrix.matrix(Real::fp64, rows, vocab),
                     scratch = work.matrix(Real::fp64, rows, vocab);
        DenseSpectrum spectrum(*backend, rows, vocab);

        const SingularFactors found = spectrum.decompose(source, scratch);
        ASSERT_EQ(found.rank(), k - 1) << configuration;
        for (int q = 0; q < k - 1; ++q) EXPECT_NEAR(found.sigma[q], planted[q], 1e-14) << configuration;
        EXPECT_TRUE(std::is_sorted(found.sigma.rbegin(), found.sigma.rend())) << configuration;
        EXPECT_LT(deviation(found.words, found.sigma), 1e-13) << configuration;
        EXPECT_LT(deviation(found.contexts, found.sigma), 1e-13) << configuration;
        const std::vector<double> product = outer(found.contexts, found.words, k - 1);
        for (std::size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(product[i], z[i], 1e-12) << configuration;

        std::vector<double> left_vectors = orthonormal(*backend, rows, k, 1),
                            right_vectors = orthonormal(*backend, vocab, k, 2);
        for (std::vector<double>* side : {&left_vectors, &right_vectors})
            for (std::size_t i = k - 1; i < side->size(); i += k) (*side)[i] = 0;  // below what is kept
        const Array polar(*backend, rows * vocab * 8);
        const double kept = spectrum.polar(source, polar.matrix(Real::fp64, rows, vocab), scratch);
        EXPECT_NEAR(kept, std::accumulate(planted.begin(), planted.end() - 1, 0.0), 1e-13) << configuration;
        const std::vector<double> n = download_array<double>(*backend, polar.data(), rows * vocab),
                                  wanted = outer(left_vectors, right_vectors, k);
        // A direction is known to 2^-53 σ₁/σ.
        for (std::size_t i = 0; i < n.size(); ++i) EXPECT_NEAR(n[i], wanted[i], 1e-4) << configuration;

        const NuclearNorm norm = spectrum.nuclear_norm_bound(source, DenseSpectrum::Basis::own, scratch);
        const double sum = std::accumulate(planted.begin(), planted.end(), 0.0);
        EXPECT_EQ(norm.rank, 6) << configuration;
        EXPECT_GE(norm.bound, sum) << configuration;
        EXPECT_LT(norm.bound, sum * (1 + 1e-6)) << configuration;
    }
}

// Whatever basis the bound is made in: here that of another matrix altogether.
TEST(NuclearNorm, IsBoundedInAnyBasis) {
    const std::unique_ptr<Backend> backend = make_cpu_backend();
    for (const auto& [rows, vocab] : std::vector<std::pair<int, int>>{{40, 13}, {13, 40}, {9, 9}, {1, 5}})
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            const std::int64_t size = std::int64_t{rows} * vocab;
            const std::vector<double> z = random_values(size, 1, seed);
            const Array other = upload_array(*backend, random_values(size, 1, seed + 100)),
                        from = upload_array(*backend, z), work(*backend, size * 8);
            const Matrix scratch = work.matrix(Real::fp64, rows, vocab);
            DenseSpectrum spectrum(*backend, rows, vocab);
            spectrum.threshold(other.matrix(Real::fp64, rows, vocab), 0.1, scratch);
            const std::vector<double> sigma = reference::singular_values(z, rows, vocab);
            const double norm = std::accumulate(sigma.begin(), sigma.end(), 0.0);
            using Basis = DenseSpectrum::Basis;
            const auto bound = [&](Basis basis) {
                return spectrum.nuclear_norm_bound(from.matrix(Real::fp64, rows, vocab), basis, scratch)
                    .bound;
            };
            EXPECT_GE(bound(Basis::last_thresholded), norm * (1 - 1e-14)) << rows << " x " << vocab;
            EXPECT_GE(bound(Basis::own), norm * (1 - 1e-14)) << rows << " x " << vocab;
            EXPECT_LE(bound(Basis::own), norm * (1 + 1e-9)) << rows << " x " << vocab;
            if (std::min(rows, vocab) > 1) {
                EXPECT_GT(bound(Basis::last_thresholded), norm * (1 + 1e-3)) << rows << " x " << vocab;
            }
        }
}

TEST(Decomposition, OfZeroHasNoFactors) {
    const std::unique_ptr<Backend> backend = make_cpu_backend();
    DenseSpectrum spectrum(*backend, 4, 3);
    const Array zero = upload_array(*backend, std::vector<double>(12, 0.0)), work(*backend, 12 * 8);
    const SingularFactors found =
        spectrum.decompose(zero.matrix(Real::fp64, 4, 3), work.matrix(Real::fp64, 4, 3));
    EXPECT_EQ(found.rank(), 0);
    EXPECT_TRUE(found.words.empty());
}

}  // namespace
}  // namespace ntpgeo
