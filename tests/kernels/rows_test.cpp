// The vectorised row passes of the CPU's loss step.
#include "kernels/softmax/softmax_cpu.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/random/philox.hpp"

namespace ntpgeo::softmax {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The largest relative error, in units of epsilon·(1 + |z| + |anchor|): one for the power, the rest for the
// rounding of its argument.
template <class T>
double worst_error(double low, double high, double anchor) {
    constexpr std::int64_t size = 1 << 16;
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> uniform(low, high);
    std::vector<T> z(size), e;
    for (T& value : z) value = static_cast<T>(uniform(random));
    e = z;
    anchored_exp_row(e.data(), size, anchor);
    double worst = 0;
    for (std::int64_t i = 0; i < size; ++i) {
        const long double exact = std::exp(static_cast<long double>(z[i]) - static_cast<long double>(anchor));
        const long double unit =
            exact * std::numeric_limits<T>::epsilon() * (1 + std::fabs(z[i]) + std::fabs(anchor));
        worst = std::max(worst, static_cast<double>(std::fabs(e[i] - exact) / unit));
    }
    return worst;
}

TEST(AnchoredExpRow, KeepsTheDigitsThatItsArgumentHas) {
    EXPECT_LT(worst_error<float>(-80, 80, 0), 1);
    EXPECT_LT(worst_error<float>(-30, 30, 20), 1);
    EXPECT_LT(worst_error<float>(-0.5, 0.5, 0), 1);
    EXPECT_LT(worst_error<double>(-700, 700, 0), 1);
    EXPECT_LT(worst_error<double>(-300, 300, -200), 1);
    EXPECT_LT(worst_error<double>(-0.5, 0.5, 0), 1);
}

template <class T>
void expect_special_values() {
    const T large = std::numeric_limits<T>::max();
    std::vector<T> row(row_padding, T(0));
    const std::vector<T> special{static_cast<T>(-infinity), static_cast<T>(infinity),
                                 std::numeric_limits<T>::quiet_NaN(), -large, large};
    std::copy(special.begin(), special.end(), row.begin());
    EXPECT_TRUE(std::isnan(anchored_exp_row(row.data(), row_padding, 0)));
    EXPECT_EQ(row[0], 0);
    EXPECT_EQ(row[1], static_cast<T>(infinity));
    EXPECT_TRUE(std::isnan(row[2]));
    EXPECT_EQ(row[3], 0);
    EXPECT_EQ(row[4], static_cast<T>(infinity));
    EXPECT_EQ(row[5], 1);
}

TEST(AnchoredExpRow, GivesExactZeroInfinityAndNan) {
    expect_special_values<float>();
    expect_special_values<double>();
}

TEST(AnchoredExpRow, ReturnsTheSumOfWhatItWrote) {
    for (const std::int64_t size : {16, 32, 48, 64, 80, 1008}) {
        std::vector<float> row(static_cast<std::size_t>(size));
        for (std::int64_t i = 0; i < size; ++i)
            row[i] = static_cast<float>(-0.01 * static_cast<double>(i % 301));
        const double sum = anchored_exp_row(row.data(), size, 0);
        long double exact = 0;
        for (const float e : row) exact += e;
        EXPECT_NEAR(sum, static_cast<double>(exact), 2e-7 * static_cast<double>(exact)) << size;
    }
}

TEST(LabelRow, KeepsItsDigitsFromTinyToHugeDifferences) {
    // δ over many magnitudes and both signs, the switch at 1/4 included.
    for (const double delta : {0.0, 1e-300, 1e-12, -1e-12, 1e-6, -1e-6, 0.01, -0.2499999, 0.2499999, 0.25,
                               -0.25, 0.7, -3.0, 5.0, 600.0, -600.0}) {
        std::vector<double> q(row_padding), p(row_padding), d(row_padding), residual(row_padding);
        const long double prob = delta > 100 ? 1e-290L : 0.125L;
        p[0] = static_cast<double>(prob);
        q[0] = static_cast<double>(prob * std::exp(static_cast<long double>(delta)));
        d[0] = delta;
        label_row(q.data(), p.data(), d.data(), residual.data(), 1);
        const long double exact = prob * std::expm1(static_cast<long double>(delta));
        EXPECT_NEAR(residual[0], static_cast<double>(exact), 8e-15 * std::fabs(static_cast<double>(exact)))
            << delta;
        long double series = 0, term = delta;
        for (int n = 2; n < 40; ++n) series += (term *= static_cast<long double>(delta) / n);
        const long double excess =
            std::fabs(delta) < 1 ? prob * series : exact - prob * static_cast<long double>(delta);
        EXPECT_NEAR(d[0], static_cast<double>(excess), 2e-14 * std::fabs(static_cast<double>(excess)))
            << delta;
    }
}

TEST(SampleRow, AgreesWithPlainSumsAtEveryWidthAndCount) {
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    for (const std::int64_t dim : {1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100, 129}) {
        std::vector<double> words(static_cast<std::size_t>(11 * dim)), context(static_cast<std::size_t>(dim));
        for (double& x : words) x = normal(random);
        for (double& x : context) x = normal(random);
        for (std::int64_t count = 1; count <= 9; ++count) {
            const std::vector<std::int32_t> indices{10, 0, 3, 3, 7, 1, 2, 9, 4};
            std::vector<double> logits(static_cast<std::size_t>(count) + 1, -77);
            sample_row(words.data(), dim, indices.data(), count, context.data(), logits.data());
            EXPECT_EQ(logits.back(), -77) << "written past the end";
            for (std::int64_t s = 0; s < count; ++s) {
                long double sum = 0;
                for (std::int64_t k = 0; k < dim; ++k)
                    sum += static_cast<long double>(words[indices[s] * dim + k]) * context[k];
                EXPECT_NEAR(logits[s], static_cast<double>(sum), 1e-14 * static_cast<double>(dim))
                    << dim << ' ' << count;
            }
        }
    }
}

TEST(Philox, GivesThePublishedVectors) {
    // Known answers of Random123 for philox4x32-10: zeros, ones, and the digits of pi.
    using Words = std::array<std::uint64_t, 2>;
    EXPECT_EQ(Philox(0, 0).words(0), (Words{0xe169c58d6627e8d5ULL, 0x9b00dbd8bc57ac4cULL}));
    EXPECT_EQ(Philox(~0ULL, ~0ULL).words(~0ULL), (Words{0x41c83b0e408f276dULL, 0x6d5451fda20bc7c6ULL}));
    EXPECT_EQ(Philox(0x299f31d0a4093822ULL, 0x0370734413198a2eULL).words(0x85a308d3243f6a88ULL),
              (Words{0x94fdccebd16cfe09ULL, 0x24126ea15001e420ULL}));
}

TEST(Philox, UniformStaysInsideTheOpenInterval) {
    const Philox random(1);
    for (std::uint64_t i = 0; i < 100000; ++i) {
        const double u = random.uniform(i);
        ASSERT_GT(u, 0);
        ASSERT_LT(u, 1);
    }
}

}  // namespace
}  // namespace ntpgeo::softmax
