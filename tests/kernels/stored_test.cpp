// The 16-bit types by hand, against what rounding to nearest means.
#include "kernels/base/stored.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace ntpgeo {
namespace {

template <class Widen, class Round>
void expect_round_trips(const Widen& widen, const Round& round) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto stored = static_cast<std::uint16_t>(bits);
        const float value = widen(stored);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(widen(round(value))));
        } else {
            EXPECT_EQ(round(value), stored) << value;
        }
    }
}

/// Each value between two neighbours goes to the nearer, and from the middle to the even one.
template <class Widen, class Round>
void expect_nearest(const Widen& widen, const Round& round, std::uint32_t last) {
    std::mt19937 random(1);
    for (std::uint32_t bits = 0; bits < last; ++bits) {
        const auto low = static_cast<std::uint16_t>(bits), high = static_cast<std::uint16_t>(bits + 1);
        const double a = widen(low), b = widen(high), middle = (a + b) / 2;
        const auto even = static_cast<std::uint16_t>(bits % 2 == 0 ? low : high);
        EXPECT_EQ(round(static_cast<float>(middle)), even) << middle;
        EXPECT_EQ(round(-static_cast<float>(middle)), even | 0x8000) << middle;
        const float below = std::nextafter(static_cast<float>(middle), 0.0F),
                    above =
                        std::nextafter(static_cast<float>(middle), std::numeric_limits<float>::infinity());
        EXPECT_EQ(round(below), low) << below;
        EXPECT_EQ(round(above), high) << above;
    }
}

TEST(StoredNumbers, OfHalfPrecisionRoundToNearest) {
    expect_round_trips(widened_fp16, rounded_fp16);
    expect_nearest(widened_fp16, rounded_fp16, 0x7bff);
    EXPECT_EQ(rounded_fp16(65519.996F), 0x7bff);
    EXPECT_EQ(rounded_fp16(65520.0F), 0x7c00);
    EXPECT_EQ(rounded_fp16(-1e30F), 0xfc00);
    EXPECT_EQ(widened_fp16(0x3c00), 1.0F);
    EXPECT_EQ(widened_fp16(0x0001), 0x1p-24F);
    EXPECT_TRUE(std::signbit(widened_fp16(0x8000)));
}

TEST(StoredNumbers, OfBfloat16RoundToNearest) {
    expect_round_trips(widened_bf16, rounded_bf16);
    expect_nearest(widened_bf16, rounded_bf16, 0x7f7f);
    EXPECT_EQ(rounded_bf16(std::numeric_limits<float>::max()), 0x7f80);
    EXPECT_EQ(widened_bf16(0x3f80), 1.0F);
}

}  // namespace
}  // namespace ntpgeo
