// Which device an exact solver takes where that is left open.
#include "engine/runs/exact.hpp"

#include <gtest/gtest.h>

namespace ntpgeo {
namespace {

// By the classes that are left to solve for, whichever side is the shorter.
TEST(ExactRuns, SmallProblemsSuitTheCpu) {
    EXPECT_TRUE(exact_suits_cpu(3000, 128));
    EXPECT_TRUE(exact_suits_cpu(20, 100'000));
    EXPECT_FALSE(exact_suits_cpu(5000, 500));
    EXPECT_FALSE(exact_suits_cpu(500, 5000));
    EXPECT_FALSE(exact_suits_cpu(std::int64_t{1} << 31, std::int64_t{1} << 31));
}

}  // namespace
}  // namespace ntpgeo
