#include "host/report/thinning.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace ntpgeo {
namespace {

struct Points {
    std::vector<double> positions, values;
};

Points noisy(std::size_t count) {
    Points points;
    for (std::size_t i = 0; i < count; ++i) {
        const double x = static_cast<double>(i) / static_cast<double>(count - 1);
        points.positions.push_back(x);
        points.values.push_back(std::sin(2000.0 * x * x) + 3.0 * x);
    }
    return points;
}

TEST(Thin, KeepsEveryPointWhereThereAreFew) {
    const Points points = noisy(400);
    EXPECT_EQ(thin(points.positions, points.values, 400).size(), 400U);
}

TEST(Thin, StaysWithinTheLimitAndInOrder) {
    const Points points = noisy(50'000);
    const auto kept = thin(points.positions, points.values, 400);
    EXPECT_LE(kept.size(), 400U);
    EXPECT_GT(kept.size(), 300U);
    EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
    EXPECT_EQ(std::adjacent_find(kept.begin(), kept.end()), kept.end());
}

TEST(Thin, KeepsTheEndsAndTheExtremesOfEveryInterval) {
    Points points = noisy(50'000);
    points.values[12'345] = 100.0;  // a spike of one record must not vanish
    points.values[40'000] = -100.0;
    const auto kept = thin(points.positions, points.values, 400);
    EXPECT_EQ(kept.front(), 0U);
    EXPECT_EQ(kept.back(), 49'999U);
    EXPECT_TRUE(std::binary_search(kept.begin(), kept.end(), 12'345U));
    EXPECT_TRUE(std::binary_search(kept.begin(), kept.end(), 40'000U));
}

TEST(Thin, NeverKeepsAPointWithoutAValue) {
    Points points = noisy(10'000);
    for (std::size_t i = 0; i < points.values.size(); i += 3) points.values[i] = NAN;
    for (const std::size_t i : thin(points.positions, points.values, 400))
        EXPECT_FALSE(std::isnan(points.values[i]));
    const std::vector<double> nothing(10'000, NAN);
    EXPECT_TRUE(thin(points.positions, nothing, 400).empty());
}

}  // namespace
}  // namespace ntpgeo
