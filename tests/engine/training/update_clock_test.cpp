// Times of updates, and their means.
#include "engine/training/update_clock.hpp"

#include <gtest/gtest.h>

namespace ntpgeo {
namespace {

TEST(UpdateClock, MeansAreOfUpdatesAlone) {
    UpdateClock clock;
    std::int64_t updates = 0;
    const auto make = [&](std::int64_t more) {
        clock.time([&] { updates += more; }, [&] { return updates; });
    };
    EXPECT_FALSE(clock.read().has_value());
    make(0);  // one that found nothing to do
    EXPECT_FALSE(clock.read().has_value());
    make(3);
    EXPECT_GE(clock.read().value(), 0);
    EXPECT_FALSE(clock.read().has_value());
    EXPECT_GE(clock.mean().value(), 0);
    clock.begin_mean();
    EXPECT_FALSE(clock.mean().has_value());
}

}  // namespace
}  // namespace ntpgeo
