// Dense decompositions on a GPU: what makes them one is checked, whatever the signs, and their values against
// the CPU's.
#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

class CudaSvd : public CudaTest {
  protected:
    void try_symmetric_eigen(Real real, double within);
};

/// A [m, k] times B [k, n].
std::vector<double> times(const std::vector<double>& a, const std::vector<double>& b, std::int64_t m,
                          std::int64_t k, std::int64_t n) {
    std::vector<double> result(static_cast<std::size_t>(m * n), 0.0);
    for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t l = 0; l < k; ++l)
            for (std::int64_t j = 0; j < n; ++j) result[i * n + j] += a[i * k + l] * b[l * n + j];
    return result;
}

std::vector<double> transposed(const std::vector<double>& a, std::int64_t rows, std::int64_t columns) {
    std::vector<double> result(a.size());
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t k = 0; k < columns; ++k) result[k * rows + i] = a[i * columns + k];
    return result;
}

std::vector<double> diagonal(const std::vector<double>& values) {
    const std::size_t n = values.size();
    std::vector<double> result(n * n, 0.0);
    for (std::size_t k = 0; k < n; ++k) result[k * n + k] = values[k];
    return result;
}

void expect_orthonormal_rows(const std::vector<double>& a, std::int64_t rows, std::int64_t columns,
                             double within, const std::string& configuration) {
    EXPECT_TRUE(close_to(times(a, transposed(a, rows, columns), rows, columns, rows),
                         diagonal(std::vector<double>(static_cast<std::size_t>(rows), 1.0)), within,
                         configuration));
}

void CudaSvd::try_symmetric_eigen(Real real, double within) {
    for (const std::int64_t n : {0, 1, 2, 31, 32, 33, 100}) {
        const std::string configuration = "n " + std::to_string(n);
        std::vector<double> matrix = random(n * n, real), upper = matrix;
        for (std::int64_t i = 0; i < n; ++i)
            for (std::int64_t k = i + 1; k < n; ++k) {
                matrix[k * n + i] = matrix[i * n + k];
                upper[k * n + i] = 1e3;  // is not used
            }
        const SymmetricEigen eigen = gpu().symmetric_eigen(upper, n, real),
                             twin = cpu().symmetric_eigen(upper, n, real);
        EXPECT_TRUE(close_to(eigen.values, twin.values, within, configuration));
        EXPECT_TRUE(std::is_sorted(eigen.values.rbegin(), eigen.values.rend())) << configuration;
        expect_orthonormal_rows(transposed(eigen.vectors, n, n), n, n, within, configuration);
        EXPECT_TRUE(close_to(times(times(eigen.vectors, diagonal(eigen.values), n, n, n),
                                   transposed(eigen.vectors, n, n), n, n, n),
                             matrix, within, configuration));
    }
}

TEST_F(CudaSvd, SymmetricEigen) {
    try_symmetric_eigen(Real::fp64, 1e-12);
    try_symmetric_eigen(Real::fp32, 1e-5);
}

TEST_F(CudaSvd, SmallSvdOfEveryShape) {
    const std::vector<std::pair<int, int>> shapes{{1, 1},   {1, 7},   {7, 1},   {31, 33}, {33, 31},
                                                  {32, 32}, {100, 7}, {7, 100}, {0, 3},   {3, 0}};
    for (const auto& [rows, columns] : shapes) {
        const std::int64_t k = std::min(rows, columns);
        const std::string configuration = std::to_string(rows) + " x " + std::to_string(columns);
        const std::vector<double> matrix = random(std::int64_t{rows} * columns);
        const SmallSvd svd = gpu().small_svd(matrix, rows, columns);
        EXPECT_TRUE(
            close_to(svd.values, cpu().small_svd(matrix, rows, columns).values, 1e-12, configuration));
        EXPECT_TRUE(std::is_sorted(svd.values.rbegin(), svd.values.rend())) << configuration;
        expect_orthonormal_rows(transposed(svd.left, rows, k), k, rows, 1e-12, configuration + ", left");
        expect_orthonormal_rows(svd.right, k, columns, 1e-12, configuration + ", right");
        EXPECT_TRUE(
            close_to(times(times(svd.left, diagonal(svd.values), rows, k, k), svd.right, rows, k, columns),
                     matrix, 1e-12, configuration));
    }
}

TEST_F(CudaSvd, SmallSvdOfAMatrixWithoutFullRank) {
    const std::vector<double> left = random(20 * 3), right = random(3 * 20);
    const std::vector<double> matrix = times(left, right, 20, 3, 20);
    const SmallSvd svd = gpu().small_svd(matrix, 20, 20);
    for (std::size_t k = 3; k < 20; ++k) EXPECT_LT(svd.values[k], 1e-12 * svd.values[0]) << k;
    expect_orthonormal_rows(svd.right, 20, 20, 1e-12, "right");
    EXPECT_TRUE(close_to(times(times(svd.left, diagonal(svd.values), 20, 20, 20), svd.right, 20, 20, 20),
                         matrix, 1e-12, "rank 3"));
}

}  // namespace
}  // namespace ntpgeo
