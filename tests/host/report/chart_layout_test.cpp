#include "host/report/chart_layout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace ntpgeo {
namespace {

TEST(PlaceLabels, LeavesLabelsThatDoNotTouch) {
    const std::vector<double> wanted = {80.0, 10.0, 40.0};
    EXPECT_EQ(place_labels(wanted, 14.0, 0.0, 100.0), wanted);
}

TEST(PlaceLabels, MovesNeighboursApartEvenly) {
    const auto placed = place_labels({50.0, 50.0, 90.0}, 14.0, 0.0, 200.0);
    EXPECT_DOUBLE_EQ(placed[0], 43.0);
    EXPECT_DOUBLE_EQ(placed[1], 57.0);
    EXPECT_DOUBLE_EQ(placed[2], 90.0);
}

TEST(PlaceLabels, NeverOverlapsAndStaysInside) {
    for (const double spread : {0.0, 1.0, 30.0, 300.0}) {
        std::vector<double> wanted;
        for (int i = 0; i < 15; ++i) wanted.push_back(20.0 + spread * ((i * 7) % 15) / 15.0);
        auto placed = place_labels(wanted, 14.0, 0.0, 210.0);
        std::sort(placed.begin(), placed.end());
        EXPECT_GE(placed.front(), 0.0);
        EXPECT_LE(placed.back(), 210.0 + 1e-9);
        for (std::size_t i = 1; i < placed.size(); ++i) EXPECT_GE(placed[i] - placed[i - 1], 14.0 - 1e-9);
    }
}

TEST(PlaceLabels, SharesTheSpaceWhereThereIsTooLittle) {
    const auto placed = place_labels({5.0, 5.0, 5.0}, 14.0, 0.0, 10.0);
    EXPECT_EQ(placed, (std::vector<double>{0.0, 5.0, 10.0}));
    EXPECT_TRUE(place_labels({}, 14.0, 0.0, 10.0).empty());
}

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
