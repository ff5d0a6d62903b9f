// Singular value thresholding against one-sided Jacobi rotations.
#include "engine/exact/threshold.hpp"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace ntpgeo
