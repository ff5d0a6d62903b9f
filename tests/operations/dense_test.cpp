// Dense products, means and orthonormal bases against loops written down in plain C++ and against the CPU.
#include <cmath>
#include <tuple>

#include "tests/matrices.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

using namespace matrices;

class Dense : public OperationTest {
  protected:
    void try_multiply(Real real, double within);
    void try_gram(Real real, double within);
};

void Dense::try_multiply(Real real, double within) {
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
                    const std::string configuration =
                        shape_words(m, n, k) + (how.transpose_a ? ", At" : ", A") +
                        (how.transpose_b ? "Bt" : "B") + ", beta " + std::to_string(beta) + ", offset " +
                        std::to_string(offset);
                    const auto run = [&, m = m, n = n, k = k](Backend& on) {
                        const Guarded left(on, real, a, offset), right(on, real, b, offset);
                        // With beta = 0 what C held does not matter, not even where it is not a number.
                        const Guarded out = beta == 0
                                                ? Guarded::poisoned(on, real, std::int64_t{m} * n, offset)
                                                : Guarded(on, real, c, offset);
                        on.multiply(how, 0.75, how.transpose_a ? left.matrix(k, m) : left.matrix(m, k),
                                    how.transpose_b ? right.matrix(n, k) : right.matrix(k, n), beta,
                                    out.matrix(m, n));
                        if (beta == 0) {
                            EXPECT_TRUE(same_bits(left.read(), a, configuration));
                            EXPECT_TRUE(same_bits(right.read(), b, configuration));
                        }
                        return out.read();
                    };
                    const std::vector<double> actual = run(backend()),
                                              expected = product(how, 0.75, a, b, beta, c, m, n, k),
                                              terms = product(how, 0.75, absolute(a), absolute(b),
                                                              std::abs(beta), absolute(c), m, n, k);
                    EXPECT_TRUE(close_by_terms(actual, expected, terms, within, configuration));
                    EXPECT_TRUE(close_by_terms(actual, run(cpu()), terms, within, configuration));
                }
}

TEST_F(Dense, Multiply) {
    try_multiply(Real::fp64, 1e-12);
    try_multiply(Real::fp32, 1e-5);
}

TEST_F(Dense, FillIdentity) {
    for (const auto& [rows, columns] :
         std::vector<std::pair<int, int>>{{0, 0}, {1, 1}, {33, 33}, {7, 600}, {600, 7}}) {
        std::vector<double> expected(static_cast<std::size_t>(rows) * columns, 0.0);
        for (int i = 0; i < std::min(rows, columns); ++i) expected[std::int64_t{i} * columns + i] = 1;
        for (const Real real : {Real::fp64, Real::fp32}) {
            const Guarded a = Guarded::poisoned(backend(), real, std::ssize(expected), 1);
            backend().fill_identity(a.matrix(rows, columns));
            EXPECT_TRUE(same_bits(a.read(), expected, shape_words(rows, columns)));
        }
    }
}

TEST_F(Dense, ColumnMeansAndSquaresAndSubtractRow) {
    for (const std::int64_t rows : tried({1, 31, 32, 33, 511, 513, 1000, 4099}, {33, 4099}))
        for (const std::int64_t columns : tried({1, 31, 32, 33, 70}, {1, 70}))
            for (const std::int64_t offset : {0, 1}) {
                const std::string configuration = shape_words(rows, columns);
                const std::vector<double> values = random(rows * columns);
                std::vector<double> means, sizes, squares, centred = values;
                for (std::int64_t k = 0; k < columns; ++k) {
                    long double sum = 0, size = 0, square = 0;
                    for (std::int64_t i = 0; i < rows; ++i) {
                        const long double value = values[i * columns + k];
                        sum += value;
                        size += std::abs(value);
                        square += value * value;
                    }
                    means.push_back(static_cast<double>(sum / static_cast<long double>(rows)));
                    sizes.push_back(static_cast<double>(size / static_cast<long double>(rows)));
                    squares.push_back(static_cast<double>(square));
                }
                const Guarded a(backend(), Real::fp64, values, offset);
                const auto means_of = [&](std::int64_t at) {
                    const Guarded out = Guarded::poisoned(backend(), Real::fp64, columns, at);
                    backend().column_means(a.matrix(rows, columns), out.vector());
                    return out.read();
                };
                const auto squares_of = [&] {
                    const Guarded out = Guarded::poisoned(backend(), Real::fp64, columns, offset);
                    backend().column_squares(a.matrix(rows, columns), out.vector());
                    return out.read();
                };
                const std::vector<double> found = means_of(offset), lengths = squares_of();
                EXPECT_TRUE(close_by_terms(found, means, sizes, 1e-14, configuration));
                EXPECT_TRUE(same_bits(means_of(0), found, configuration));
                EXPECT_TRUE(close_to(lengths, squares, 1e-13, configuration));
                EXPECT_TRUE(same_bits(squares_of(), lengths, configuration));

                const Guarded row(backend(), Real::fp64, found, offset);
                backend().subtract_row(row.vector(), a.matrix(rows, columns));
                for (std::int64_t i = 0; i < rows; ++i)
                    for (std::int64_t k = 0; k < columns; ++k) centred[i * columns + k] -= found[k];
                EXPECT_TRUE(same_bits(a.read(), centred, configuration));
            }
}

void Dense::try_gram(Real real, double within) {
    const std::vector<std::pair<int, int>> shapes{{1, 1},   {31, 33},  {32, 32}, {33, 31}, {1, 70}, {1000, 7},
                                                  {5, 999}, {130, 97}, {600, 9}, {9, 600}, {0, 3},  {3, 0}};
    for (const auto& [rows, columns] : shapes)
        for (const bool of_columns : {false, true})
            for (const std::int64_t offset : {0, 1}) {
                const std::int64_t n = of_columns ? columns : rows, inner = of_columns ? rows : columns;
                const std::vector<double> values = random(std::int64_t{rows} * columns, real);
                const auto run = [&, rows = rows, columns = columns](Backend& on) {
                    const Guarded a(on, real, values, offset);
                    const Guarded c = Guarded::poisoned(on, real, n * n, offset);
                    on.gram(a.matrix(rows, columns), of_columns, c.matrix(n, n));
                    EXPECT_TRUE(same_bits(a.read(), values));
                    return c.read();
                };
                const std::string configuration =
                    shape_words(rows, columns) + (of_columns ? ", of columns" : ", of rows");
                const std::vector<double> actual = run(backend());
                EXPECT_TRUE(same_bits(actual, transposed(actual, n, n), configuration));
                EXPECT_TRUE(close_to(
                    actual, product(of_columns ? a_transposed : b_transposed, values, values, n, n, inner),
                    within, configuration));
                EXPECT_TRUE(close_to(actual, run(cpu()), within, configuration));
                EXPECT_TRUE(same_bits(actual, run(backend()), configuration));
            }
}

TEST_F(Dense, GramIsSymmetricToTheLastBit) {
    try_gram(Real::fp64, 1e-13);
    try_gram(Real::fp32, 1e-5);
}

/// Q of A [rows, columns]: orthonormal columns that A's columns are combinations of.
void expect_orthonormal_basis(const std::vector<double>& q, const std::vector<double>& a, std::int64_t rows,
                              std::int64_t columns, const std::string& configuration) {
    EXPECT_TRUE(close_to(product(a_transposed, q, q, columns, columns, rows), identity(columns), 1e-12,
                         configuration + ", QtQ"));
    const auto coordinates = product(a_transposed, q, a, columns, columns, rows);
    EXPECT_TRUE(
        close_to(product(plain, q, coordinates, rows, columns, columns), a, 1e-12, configuration + ", QQtA"));
}

TEST_F(Dense, Orthonormalise) {
    const std::vector<std::pair<int, int>> shapes{{1, 1},     {33, 31},   {33, 33},
                                                  {1000, 24}, {4099, 33}, {300, 1}};
    for (const auto& [rows, columns] : shapes)
        for (const std::int64_t offset : {0, 1}) {
            const std::vector<double> values = random(std::int64_t{rows} * columns);
            const auto basis = [&, rows = rows, columns = columns](Backend& on, std::int64_t at) {
                const Guarded a(on, Real::fp64, values, at);
                on.orthonormalise(a.matrix(rows, columns));
                return a.read();
            };
            const std::vector<double> found = basis(backend(), offset);
            expect_orthonormal_basis(found, values, rows, columns, shape_words(rows, columns));
            // The basis of a QR is unique up to the columns' signs.
            const auto overlap = product(a_transposed, found, basis(cpu(), 0), columns, columns, rows);
            EXPECT_TRUE(close_to(absolute(overlap), identity(columns), 1e-10, shape_words(rows, columns)));
        }
}

TEST_F(Dense, OrthonormaliseKeepsARankDeficientSpan) {
    constexpr std::int64_t rows = 200, columns = 6;
    std::vector<double> values = random(rows * columns);
    for (std::int64_t i = 0; i < rows; ++i) {
        values[i * columns + 3] = 2 * values[i * columns + 1];
        values[i * columns + 4] = 0;
    }
    const Guarded a(backend(), Real::fp64, values);
    backend().orthonormalise(a.matrix(rows, columns));
    expect_orthonormal_basis(a.read(), values, rows, columns, "rank 4 of 6");
}

}  // namespace
}  // namespace ntpgeo
