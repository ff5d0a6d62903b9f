// Vectors: what is drawn, filled, copied, scaled, added and multiplied, against formulas written down here. A
// backend has the CPU's bits where nothing is summed and no library function differs.
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "tests/operations/elementwise_fixture.hpp"

namespace ntpgeo {
namespace {

using Vectors = ElementwiseTest;

TEST_F(Vectors, Axpy) {
    expect(
        2, [](Backend& on, const auto& v) { on.axpy(-0.7, v[0], v[1]); },
        [](auto& v, std::int64_t i) { v[1][i] -= 0.7 * v[0][i]; });
}

TEST_F(Vectors, Scale) {
    expect(
        1, [](Backend& on, const auto& v) { on.scale(1.3, v[0]); },
        [](auto& v, std::int64_t i) { v[0][i] *= 1.3; });
}

TEST_F(Vectors, FillZero) {
    expect(
        1, [](Backend& on, const auto& v) { on.fill_zero(v[0]); },
        [](auto& v, std::int64_t i) { v[0][i] = 0; });
}

TEST_F(Vectors, CopyConvertsBetweenPrecisions) {
    for (const VectorCase& shape : vector_cases())
        for (const Real to : {Real::fp64, Real::fp32})
            for (const std::int64_t offset : {0, 1, 2, 3}) {
                const std::vector<double> values = random(shape.size, shape.real);
                const Guarded from(backend(), shape.real, values, shape.offset);
                const Guarded target = Guarded::poisoned(backend(), to, shape.size, offset);
                backend().copy(from.vector(), target.vector());
                const std::string words = shape.words() + " to offset " + std::to_string(offset);
                EXPECT_TRUE(same_bits(target.read(), rounded(to, values), words));
                EXPECT_TRUE(same_bits(from.read(), values, words));
            }
}

// Numbers whose sums round, so that another order would show.
TEST_F(Vectors, AddPairwiseIsATree) {
    for (const VectorCase& shape : vector_cases())
        for (const Real to : {Real::fp64, Real::fp32})
            for (const std::size_t count : {1, 2, 4, 8, 16}) {
                if (shape.real == Real::fp64 && to == Real::fp32) continue;
                std::vector<std::vector<double>> level;
                std::vector<Guarded> parts;
                std::vector<Vector> vectors;
                for (std::size_t k = 0; k < count; ++k) {
                    level.push_back(random(shape.size, shape.real));
                    parts.emplace_back(backend(), shape.real, level.back(),
                                       shape.offset + static_cast<std::int64_t>(k % 3));
                    vectors.push_back(parts.back().vector());
                }
                for (; level.size() > 1; level.resize(level.size() / 2))
                    for (std::size_t k = 0; k < level.size() / 2; ++k)
                        for (std::size_t i = 0; i < level[0].size(); ++i) {
                            const double sum = level[2 * k][i] + level[2 * k + 1][i];
                            level[k][i] = to == Real::fp64 ? sum : static_cast<float>(sum);
                        }
                const std::string words = shape.words() + ", " + std::to_string(count) + " parts";
                const Guarded sum = Guarded::poisoned(backend(), to, shape.size, 1);
                backend().add_pairwise(vectors, sum.vector());
                EXPECT_TRUE(same_bits(sum.read(), level[0], words));
                if (shape.real != to) continue;
                backend().add_pairwise(vectors, vectors[0]);
                EXPECT_TRUE(same_bits(parts[0].read(), level[0], words + ", in place"));
            }
}

/// Philox4x32-10 and Box–Muller as the papers have them, apart from random/philox.hpp.
double reference_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    std::uint64_t c0 = index & 0xffffffff, c1 = index >> 32, c2 = stream & 0xffffffff, c3 = stream >> 32;
    std::uint64_t k0 = seed & 0xffffffff, k1 = seed >> 32;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = c0 * 0xD2511F53ULL, p1 = c2 * 0xCD9E8D57ULL;
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c1 = p1 & 0xffffffff;
        c3 = p0 & 0xffffffff;
        k0 = (k0 + 0x9E3779B9) & 0xffffffff;
        k1 = (k1 + 0xBB67AE85) & 0xffffffff;
    }
    const auto unit = [](std::uint64_t high, std::uint64_t low) {
        return (static_cast<long double>(high << 20 | low >> 12) + 0.5L) / 0x1p52L;
    };
    return static_cast<double>(std::sqrt(-2 * std::log(unit(c1, c0))) *
                               std::cos(2 * std::numbers::pi_v<long double> * unit(c3, c2)));
}

TEST_F(Vectors, FillNormalDrawsWhatTheCpuDraws) {
    for (const VectorCase& shape : vector_cases())
        for (const std::int64_t first : {std::int64_t{0}, (std::int64_t{1} << 33) + 1}) {
            const auto drawn = [&](Backend& on) {
                const Guarded x = Guarded::poisoned(on, shape.real, shape.size, shape.offset);
                on.fill_normal(x.vector(), {seed(), 7, first}, 0.5);
                return x.read();
            };
            std::vector<double> expected;
            for (std::int64_t i = first; i < first + shape.size; ++i)
                expected.push_back(0.5 * reference_normal(seed(), 7, static_cast<std::uint64_t>(i)));
            const std::vector<double> found = drawn(backend());
            EXPECT_TRUE(close_to(found, expected, shape.tolerance(), shape.words()));
            EXPECT_TRUE(close_to(found, drawn(cpu()), shape.tolerance(), shape.words()));
        }
}

TEST_F(Vectors, DotIsExactEnoughAndAlwaysTheSame) {
    auto cases = vector_cases();
    cases.push_back({Real::fp64, 600001, 0});  // more packs than threads
    cases.push_back({Real::fp32, 1200003, 1});
    for (const VectorCase& shape : cases) {
        const std::vector<double> a = random(shape.size, shape.real), b = random(shape.size, shape.real);
        long double sum = 0, size = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            sum += static_cast<long double>(a[i]) * b[i];
            size += std::abs(static_cast<long double>(a[i]) * b[i]);
        }
        const Guarded x(backend(), shape.real, a, shape.offset), y(backend(), shape.real, b, shape.offset);
        const double dot = backend().dot(x.vector(), y.vector());
        // The products of fp32 numbers are exact in double, so both precisions keep double's digits.
        EXPECT_NEAR(dot, static_cast<double>(sum), 1e-14 * static_cast<double>(size)) << shape.words();
        EXPECT_TRUE(same_bits({backend().dot(x.vector(), y.vector())}, {dot}, shape.words()));
        const Guarded out = Guarded::poisoned(backend(), Real::fp64, 2);
        for (std::int64_t k = 0; k < 2; ++k)
            backend().dot_into(x.vector(), y.vector(), out.vector().as<double>() + k);
        EXPECT_TRUE(same_bits(out.read(), {dot, dot}, shape.words()));
        const Guarded skewed(backend(), shape.real, b, shape.offset + 1);
        EXPECT_TRUE(
            same_bits({backend().dot(x.vector(), skewed.vector())}, {dot}, shape.words() + ", skewed"));
        EXPECT_TRUE(same_bits(x.read(), a, shape.words()));
    }
}

TEST_F(Vectors, DotPassesOnWhatIsNotFinite) {
    std::vector<double> a(1000, 1.0);
    a[777] = std::numeric_limits<double>::quiet_NaN();
    const Guarded x(backend(), Real::fp64, a), y(backend(), Real::fp64, std::vector<double>(1000, 1.0));
    EXPECT_TRUE(std::isnan(backend().dot(x.vector(), y.vector())));
}

// Within a block, and of several; on the CPU so long that a team takes them.
std::vector<std::int64_t> row_sizes(bool on_cpu) {
    std::vector<std::int64_t> sizes{0, 1, 33, 2049};
    if (on_cpu) sizes.push_back(20001);
    return sizes;
}

TEST_F(Vectors, ProductsAreExactEnoughAndTheSameInAnyCompany) {
    for (const Real real : {Real::fp64, Real::fp32})
        for (const std::int64_t size : row_sizes(on_cpu()))
            for (const auto& [count, rows] :
                 {std::pair<std::int64_t, std::int64_t>{1, 1}, {2, 8}, {3, 21}, {3, 0}}) {
                const std::string words =
                    std::to_string(count) + " times " + std::to_string(rows) + " of " + std::to_string(size);
                const std::vector<double> a = random(count * size, real), b = random(rows * size, real);
                const Guarded left(backend(), real, a, 1), right(backend(), real, b);
                const auto left_at = [&](std::int64_t i) { return left.matrix(1, size, i * size).flat(); };
                std::vector<Vector> lefts;
                for (std::int64_t i = 0; i < count; ++i) lefts.push_back(left_at(i));
                const std::vector<double> found = backend().products(lefts, right.matrix(rows, size));
                ASSERT_EQ(std::ssize(found), count * rows);
                for (std::int64_t i = 0; i < count; ++i)
                    for (std::int64_t k = 0; k < rows; ++k) {
                        long double sum = 0, total = 0;
                        for (std::int64_t j = 0; j < size; ++j) {
                            const long double product =
                                static_cast<long double>(a[i * size + j]) * b[k * size + j];
                            sum += product;
                            total += std::abs(product);
                        }
                        const double product = found[i * rows + k];
                        EXPECT_NEAR(product, static_cast<double>(sum), 1e-14 * static_cast<double>(total))
                            << words;
                        // Alone, and the other way round.
                        const Vector row = right.matrix(1, size, k * size).flat();
                        const std::vector<double> alone = backend().products({left_at(i)},
                                                                             right.matrix(1, size, k * size)),
                                                  turned = backend().products({row},
                                                                              left.matrix(1, size, i * size));
                        EXPECT_TRUE(same_bits({alone[0], turned[0]}, {product, product}, words));
                    }
            }
}

TEST_F(Vectors, CombinesRows) {
    for (const Real real : {Real::fp64, Real::fp32})
        for (const std::int64_t size : row_sizes(on_cpu()))
            for (const std::int64_t rows : {0, 1, 8, 21}) {
                const std::string words = std::to_string(rows) + " rows of " + std::to_string(size);
                const std::vector<double> a = random(rows * size, real), coefficients = random(rows);
                std::vector<double> expected(static_cast<std::size_t>(size));
                for (std::int64_t k = 0; k < rows; ++k)
                    for (std::int64_t i = 0; i < size; ++i) expected[i] += coefficients[k] * a[k * size + i];
                const auto run = [&](Backend& on) {
                    const Guarded matrix(on, real, a), out = Guarded::poisoned(on, real, size, 1);
                    on.combine_rows(coefficients, matrix.matrix(rows, size), out.vector());
                    EXPECT_TRUE(same_bits(matrix.read(), a, words));
                    return out.read();
                };
                // Added in that order on every backend.
                EXPECT_TRUE(same_bits(run(backend()), rounded(real, expected), words));
            }
}

TEST_F(Vectors, UploadAndDownloadAreEachOthersInverse) {
    for (const std::int64_t size : {0, 1, 31, 4099}) {
        const std::vector<double> values = random(size);
        const Array array = upload_array(backend(), values);
        EXPECT_TRUE(same_bits(download_array<double>(backend(), array.data(), size), values));
    }
}

}  // namespace
}  // namespace ntpgeo
