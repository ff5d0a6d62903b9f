#include "host/report/labels.hpp"

#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace ntpgeo
