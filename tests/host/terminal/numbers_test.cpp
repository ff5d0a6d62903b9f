#include "host/terminal/numbers.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

namespace ntpgeo {
namespace {

TEST(Outward, IsADecimalThatIsStillABound) {
    EXPECT_EQ(fmt::format("{:.10g}", rounded_down(1.3693063937629153, 10)), "1.369306393");
    EXPECT_EQ(fmt::format("{:.10g}", rounded_up(1.3693063937629153, 10)), "1.369306394");
    EXPECT_EQ(fmt::format("{:.10g}", rounded_up(9.157682976292, 10)), "9.157682977");
    EXPECT_EQ(rounded_down(0.5, 3), 0.5);
    EXPECT_EQ(rounded_up(0.5, 3), 0.5);
    EXPECT_EQ(fmt::format("{:.1e}", rounded_up(9.96e-7, 2)), "1.0e-06");
    EXPECT_EQ(fmt::format("{:.1e}", rounded_up(-9.96e-7, 2)), "-9.9e-07");
    EXPECT_EQ(fmt::format("{:.1e}", rounded_down(9.96e-7, 2)), "9.9e-07");
    EXPECT_EQ(fmt::format("{:.2g}", rounded_down(-1.01, 2)), "-1.1");
    EXPECT_EQ(rounded_down(0, 4), 0);
    EXPECT_TRUE(std::isnan(rounded_up(NAN, 4)));
    EXPECT_EQ(rounded_up(INFINITY, 4), INFINITY);
    EXPECT_EQ(rounded_up(std::numeric_limits<double>::max(), 3), std::numeric_limits<double>::max());
}

TEST(Outward, HoldsForNumbersOfEveryScale) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> mantissa(1, 10), exponent(-300, 300);
    for (int trial = 0; trial < 10000; ++trial) {
        const double x = mantissa(random) * std::pow(10.0, std::floor(exponent(random)));
        const int digits = 1 + trial % 15;
        const double below = rounded_down(x, digits), above = rounded_up(x, digits);
        ASSERT_LE(below, x);
        ASSERT_GE(above, x);
        ASSERT_LE(above - below, 1.01 * std::pow(10.0, 1 - digits) * x) << x << ", " << digits;
        for (const double bound : {below, above})
            ASSERT_EQ(std::stod(fmt::format("{:.{}e}", bound, digits - 1)), bound) << x << ", " << digits;
    }
}

}  // namespace
}  // namespace ntpgeo
