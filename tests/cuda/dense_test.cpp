// Dense products, means and orthonormal bases on a GPU against loops written down here and against the CPU.
#include <cmath>
#include <tuple>

#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

std::string words(std::int64_t a, std::int64_t b, std::int64_t c = -1) {
    return std::to_string(a) + " x " + std::to_string(b) + (c < 0 ? "" : " x " + std::to_string(c));
}

class CudaDense : public CudaTest {
  protected:
    void try_multiply(Real real, double within);
    void try_gram(Real real, double within);
};

/// alpha·op(A)·op(B) + beta·C, in long double.
std::vector<double> product(const Product& how, double alpha, const std::vector<double>& a,
                            const std::vector<double>& b, double beta, const std::vector<double>& c,
                            std::int64_t m, std::int64_t n, std::int64_t k) {
    std::vector<double> result(static_cast<std::size_t>(m * n));
    for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
            long double sum = 0;
            for (std::int64_t l = 0; l < k; ++l)
                sum += static_cast<long double>(how.transpose_a ? a[l * m + i] : a[i * k + l]) *
                       (how.transpose_b ? b[j * k + l] : b[l * n + j]);
            result[i * n + j] = static_cast<double>(
                alpha * sum + (beta == 0 ? 0 : static_cast<long double>(beta) * c[i * n + j]));
        }
    return result;
}

std::vector<double> absolute(std::vector<double> values) {
    for (double& value : values) value = std::abs(value);
    return values;
}

void CudaDense::try_multiply(Real real, double within) {
    const std::vector<std::tuple<int, int, int>> shapes{{1, 1, 1},    {31, 32, 33},  {33, 1, 1000},
                                                        {1, 33, 31},  {1000, 5, 31}, {5, 7, 4099},
                                                        {4099, 3, 8}, {0, 3, 2},     {3, 0, 2}};
    for (const auto& [m, n, k] : shapes)
        for (const Product& how : {plain, a_transposed, b_transposed, Product{true, true}})
            for (const double beta : {0.0, 1.0, -0.5})
                for (const std::int64_t offset : {0, 1}) {
                    const std::vector<double> a = random(std::int64_t{m} * k, real),
                                              b = random(std::int64_t{k} * n, real),
                                              c = random(std::int64_t{m} * n, real);
                    const auto run = [&, m = m, n = n, k = k](Backend& backend) {
                        const Guarded left(backend, real, a, offset), right(backend, real, b, offset);
                        // With beta = 0 what C held does not matter, not even where it is not a number.
                        const Guarded out =
                            beta == 0 ? Guarded::poisoned(backend, real, std::int64_t{m} * n, offset)
                                      : Guarded(backend, real, c, offset);
                        backend.multiply(how, 0.75, how.transpose_a ? left.matrix(k, m) : left.matrix(m, k),
                                         how.transpose_b ? right.matrix(n, k) : right.matrix(k, n), beta,
                                         out.matrix(m, n));
                        return out.read();
                    };
                    const std::string configuration =
                        words(m, n, k) + (how.transpose_a ? ", At" : ", A") + (how.transpose_b ? "Bt" : "B") +
                        ", beta " + std::to_string(beta) + ", offset " + std::to_string(offset);
                    const std::vector<double> actual = run(gpu()),
                                              expected = product(how, 0.75, a, b, beta, c, m, n, k),
                                              terms = product(how, 0.75, absolute(a), absolute(b),
                                                              std::abs(beta), absolute(c), m, n, k);
                    EXPECT_TRUE(close_by_terms(actual, expected, terms, within, configuration));
                    if (!how.transpose_a || !how.transpose_b) {  // the CPU has no use for both
                        EXPECT_TRUE(close_by_terms(actual, run(cpu()), terms, within, configuration));
                    }
                }
}

TEST_F(CudaDense, Multiply) {
    try_multiply(Real::fp64, 1e-12);
    try_multiply(Real::fp32, 1e-5);
}

TEST_F(CudaDense, ColumnMeansAndSquaresAndSubtractRow) {
    for (const std::int64_t rows : {1, 31, 32, 33, 511, 513, 1000, 4099})
        for (const std::int64_t columns : {1, 31, 32, 33, 70})
            for (const std::int64_t offset : {0, 1}) {
                const std::vector<double> values = random(rows * columns);
                std::vector<double> means, squares, centred = values;
                for (std::int64_t k = 0; k < columns; ++k) {
                    long double sum = 0, square = 0;
                    for (std::int64_t i = 0; i < rows; ++i) {
                        const long double value = values[i * columns + k];
                        sum += value;
                        square += value * value;
                    }
                    means.push_back(static_cast<double>(sum / static_cast<long double>(rows)));
                    squares.push_back(static_cast<double>(square));
                }
                const Guarded a(gpu(), Real::fp64, values, offset);
                const Guarded out = Guarded::poisoned(gpu(), Real::fp64, columns, offset);
                gpu().column_means(a.matrix(rows, columns), out.vector());
                const std::vector<double> found = out.read();
                EXPECT_TRUE(close_to(found, means, 1e-12, words(rows, columns)));
                const Guarded again = Guarded::poisoned(gpu(), Real::fp64, columns);
                gpu().column_means(a.matrix(rows, columns), again.vector());
                EXPECT_TRUE(same_bits(again.read(), found, words(rows, columns)));
                for (const bool again_squares : {false, true}) {
                    const Guarded lengths = Guarded::poisoned(gpu(), Real::fp64, columns, offset);
                    gpu().column_squares(a.matrix(rows, columns), lengths.vector());
                    if (again_squares)
                        EXPECT_TRUE(same_bits(lengths.read(), squares, words(rows, columns)));
                    else
                        EXPECT_TRUE(close_to(lengths.read(), squares, 1e-13, words(rows, columns)));
                    squares = lengths.read();
                }

                gpu().subtract_row(out.vector(), a.matrix(rows, columns));
                for (std::int64_t i = 0; i < rows; ++i)
                    for (std::int64_t k = 0; k < columns; ++k) centred[i * columns + k] -= found[k];
                EXPECT_TRUE(same_bits(a.read(), centred, words(rows, columns)));
            }
}

void CudaDense::try_gram(Real real, double within) {
    const std::vector<std::pair<int, int>> shapes{{1, 1},   {31, 33},  {32, 32}, {33, 31}, {1, 70}, {1000, 7},
                                                  {5, 999}, {130, 97}, {600, 9}, {9, 600}, {0, 3},  {3, 0}};
    for (const auto& [rows, columns] : shapes)
        for (const bool of_columns : {false, true})
            for (const std::int64_t offset : {0, 1}) {
                const std::int64_t n = of_columns ? columns : rows, inner = of_columns ? rows : columns;
                const std::vector<double> values = random(std::int64_t{rows} * columns, real);
                const auto run = [&, rows = rows, columns = columns](Backend& backend) {
                    const Guarded a(backend, real, values, offset);
                    const Guarded c = Guarded::poisoned(backend, real, n * n, offset);
                    backend.gram(a.matrix(rows, columns), of_columns, c.matrix(n, n));
                    EXPECT_TRUE(same_bits(a.read(), values));
                    return c.read();
                };
                const std::string configuration =
                    words(rows, columns) + (of_columns ? ", of columns" : ", of rows");
                const std::vector<double> actual = run(gpu());
                std::vector<double> mirrored = actual;
                for (std::int64_t i = 0; i < n; ++i)
                    for (std::int64_t k = 0; k < n; ++k) mirrored[i * n + k] = actual[k * n + i];
                EXPECT_TRUE(same_bits(actual, mirrored, configuration));
                EXPECT_TRUE(close_to(
                    actual,
                    product(of_columns ? a_transposed : b_transposed, 1, values, values, 0, {}, n, n, inner),
                    within, configuration));
                EXPECT_TRUE(close_to(actual, run(cpu()), within, configuration));
                EXPECT_TRUE(same_bits(actual, run(gpu()), configuration));
            }
}

TEST_F(CudaDense, GramIsSymmetricToTheLastBit) {
    try_gram(Real::fp64, 1e-13);
    try_gram(Real::fp32, 1e-5);
}

/// Q of A [rows, columns]: orthonormal columns that A's columns are combinations of.
void expect_orthonormal_basis(const std::vector<double>& q, const std::vector<double>& a, std::int64_t rows,
                              std::int64_t columns, const std::string& configuration) {
    const auto inner = product(a_transposed, 1, q, q, 0, {}, columns, columns, rows);
    std::vector<double> identity(inner.size(), 0.0);
    for (std::int64_t k = 0; k < columns; ++k) identity[k * columns + k] = 1;
    EXPECT_TRUE(close_to(inner, identity, 1e-12, configuration + ", QtQ"));
    const auto coordinates = product(a_transposed, 1, q, a, 0, {}, columns, columns, rows);
    EXPECT_TRUE(close_to(product(plain, 1, q, coordinates, 0, {}, rows, columns, columns), a, 1e-12,
                         configuration + ", QQtA"));
}

TEST_F(CudaDense, Orthonormalise) {
    const std::vector<std::pair<int, int>> shapes{{1, 1},     {33, 31},   {33, 33},
                                                  {1000, 24}, {4099, 33}, {300, 1}};
    for (const auto& [rows, columns] : shapes)
        for (const std::int64_t offset : {0, 1}) {
            const std::vector<double> values = random(std::int64_t{rows} * columns);
            const Guarded a(gpu(), Real::fp64, values, offset);
            gpu().orthonormalise(a.matrix(rows, columns));
            expect_orthonormal_basis(a.read(), values, rows, columns, words(rows, columns));

            // The basis of a QR is unique up to the columns' signs.
            const Guarded twin(cpu(), Real::fp64, values);
            cpu().orthonormalise(twin.matrix(rows, columns));
            auto overlap = product(a_transposed, 1, a.read(), twin.read(), 0, {}, columns, columns, rows);
            std::vector<double> identity(overlap.size(), 0.0);
            for (std::int64_t k = 0; k < columns; ++k) identity[k * columns + k] = 1;
            for (double& x : overlap) x = std::abs(x);
            EXPECT_TRUE(close_to(overlap, identity, 1e-10, words(rows, columns)));
        }
}

TEST_F(CudaDense, OrthonormaliseKeepsARankDeficientSpan) {
    constexpr std::int64_t rows = 200, columns = 6;
    std::vector<double> values = random(rows * columns);
    for (std::int64_t i = 0; i < rows; ++i) {
        values[i * columns + 3] = 2 * values[i * columns + 1];
        values[i * columns + 4] = 0;
    }
    const Guarded a(gpu(), Real::fp64, values);
    gpu().orthonormalise(a.matrix(rows, columns));
    expect_orthonormal_basis(a.read(), values, rows, columns, "rank 4 of 6");
}

}  // namespace
}  // namespace ntpgeo
