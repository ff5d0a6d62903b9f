// Dense decompositions: what makes them one is checked, whatever the signs, and their values against the
// CPU's.
#include <algorithm>

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
    void try_symmetric_eigen(Real real, double within) {
        for (const std::int64_t n : {0, 1, 2, 31, 32, 33, 100}) {
            const std::string configuration = "n " + std::to_string(n);
            Values matrix = random(n * n, real), upper = matrix;
            for (std::int64_t i = 0; i < n; ++i)
                for (std::int64_t k = i + 1; k < n; ++k) {
                    matrix[k * n + i] = matrix[i * n + k];
                    upper[k * n + i] = 1e3;  // is not used
                }
            const SymmetricEigen eigen = backend().symmetric_eigen(upper, n, real),
                                 twin = cpu().symmetric_eigen(upper, n, real);
            EXPECT_TRUE(close_to(eigen.values, twin.values, within, configuration));
            EXPECT_TRUE(std::is_sorted(eigen.values.rbegin(), eigen.values.rend())) << configuration;
            const Values rows = transposed(eigen.vectors, n, n);
            expect_orthonormal_rows(rows, n, n, within, configuration);
            EXPECT_TRUE(
                close_to(recomposed(eigen.vectors, eigen.values, rows, n, n), matrix, within, configuration));
        }
    }
    void try_small_svd(const Values& matrix, std::int64_t rows, std::int64_t columns,
                       const std::string& configuration) {
        const std::int64_t k = std::min(rows, columns);
        const SmallSvd svd = backend().small_svd(matrix, rows, columns);
        EXPECT_TRUE(
            close_to(svd.values, cpu().small_svd(matrix, rows, columns).values, 1e-12, configuration));
        EXPECT_TRUE(std::is_sorted(svd.values.rbegin(), svd.values.rend())) << configuration;
        expect_orthonormal_rows(transposed(svd.left, rows, k), k, rows, 1e-12, configuration + ", left");
        expect_orthonormal_rows(svd.right, k, columns, 1e-12, configuration + ", right");
        EXPECT_TRUE(close_to(recomposed(svd.left, svd.values, svd.right, rows, columns), matrix, 1e-12,
                             configuration));
    }
};

TEST_F(Svd, SymmetricEigen) {
    try_symmetric_eigen(Real::fp64, 1e-12);
    try_symmetric_eigen(Real::fp32, 1e-5);
}

TEST_F(Svd, SmallSvdOfEveryShape) {
    const std::vector<std::pair<int, int>> shapes{{1, 1},   {1, 7},   {7, 1},   {31, 33}, {33, 31},
                                                  {32, 32}, {100, 7}, {7, 100}, {0, 3},   {3, 0}};
    for (const auto& [rows, columns] : shapes)
        try_small_svd(random(std::int64_t{rows} * columns), rows, columns, shape_words(rows, columns));
}

TEST_F(Svd, SmallSvdOfAMatrixWithoutFullRank) {
    const Values left = random(20 * 3), right = random(3 * 20);
    const Values matrix = product(plain, left, right, 20, 20, 3);
    try_small_svd(matrix, 20, 20, "rank 3");
    const Values values = backend().small_svd(matrix, 20, 20).values;
    for (std::size_t k = 3; k < 20; ++k) EXPECT_LT(values[k], 1e-12 * values[0]) << k;
}

// Before it looks at a matrix, which would be of gigabytes.
TEST_F(Svd, AMatrixAboveTheLimitIsRefusedByName) {
    const EigenLimit limit = backend().eigen_limit();
    EXPECT_GE(limit.largest, 20000);
    for (const Real real : {Real::fp64, Real::fp32}) try {
            backend().symmetric_eigen({}, limit.largest + 1, real);
            FAIL() << limit.routine;
        } catch (const Failure& error) {
            const std::string message = error.what();
            for (const std::string& part : {limit.routine, std::to_string(limit.largest)})
                EXPECT_NE(message.find(part), std::string::npos) << message;
        }
}

}  // namespace
}  // namespace ntpgeo
