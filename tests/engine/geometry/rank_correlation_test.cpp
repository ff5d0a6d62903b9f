// Rank correlations worked out by hand, and where there is none.
#include "engine/geometry/rank_correlation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace ntpgeo {
namespace {

TEST(RankCorrelation, IsThatOfTheOrdersWhateverTheValues) {
    EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 100}, {-5, 0, 0.5}), 1);
    EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 100}, {3, 2, 1}), -1);
    // 1 − 6Σd²/(n(n² − 1)) with d = (1, 1, 2, 0).
    EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 3, 4}, {2, 3, 1, 4}), 1 - 6.0 * 6 / (4 * 15));
}

TEST(RankCorrelation, LetsWhatAgreesShareItsRank) {
    // Ranks −1, ½, ½ and −1, 0, 1: 1.5/√(1.5·2).
    EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 2 + 1e-10}, {1, 2, 3}), 1.5 / std::sqrt(3.0));
    EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 2 + 1e-8}, {1, 2, 3}), 1);
}

TEST(RankCorrelation, DoesNotExistWithoutAnOrder) {
    EXPECT_FALSE(rank_correlation({}, {}));
    EXPECT_FALSE(rank_correlation({1}, {2}));
    EXPECT_FALSE(rank_correlation({1, 2, 3}, {5, 5, 5 + 1e-12}));
    EXPECT_FALSE(rank_correlation({0, 0, 0}, {1, 2, 3}));
    EXPECT_THROW(rank_correlation({1, 2}, {1}), std::invalid_argument);
}

TEST(FirstAtHalf, IsThePlaceWhereHalfTheLastValueIsReached) {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> places = first_at_half({{0, 1, 4, 8},
                                                      {5, 1, 1, 2},
                                                      {9, 9, 9, -1},
                                                      {1, 1, 1, 1e-10},
                                                      {nothing, nothing, 3, 4},
                                                      {1, 2, 3, nothing},
                                                      {}});
    EXPECT_EQ(places, (std::vector<double>{2, 0, 4, 4, 2, 4, 0}));
}

}  // namespace
}  // namespace ntpgeo
