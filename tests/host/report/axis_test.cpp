#include "host/report/axis.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
    std::vector<std::string> found;
    for (const Tick& tick : ticks) {
        if (!tick.label.empty()) found.push_back(tick.label);
    }
    return found;
}

double place_of(const std::vector<Tick>& ticks, const std::string& label) {
    for (const Tick& tick : ticks) {
        if (tick.label == label) return tick.position;
    }
    return -1.0;
}

TEST(Axis, PlacesAWholeRangeWithinItsEnds) {
    for (const Scale scale : {Scale::linear, Scale::logarithmic, Scale::nines}) {
        const Axis axis(scale, 0.01, 0.97, 8);
        EXPECT_GE(axis.position(0.01), 0.0);
        EXPECT_LT(axis.position(0.01), axis.position(0.5));
        EXPECT_LT(axis.position(0.5), axis.position(0.97));
        EXPECT_LE(axis.position(0.97), 1.0);
    }
}

TEST(Axis, HasNoPlaceForWhatItsScaleCannotHold) {
    EXPECT_FALSE(has_place(Scale::logarithmic, 0.0));
    EXPECT_FALSE(has_place(Scale::logarithmic, -1.0));
    EXPECT_FALSE(has_place(Scale::nines, 1.0));
    EXPECT_FALSE(has_place(Scale::linear, INFINITY));
    EXPECT_FALSE(has_place(Scale::linear, NAN));
    EXPECT_TRUE(has_place(Scale::nines, -1.0));
    EXPECT_TRUE(std::isnan(Axis(Scale::logarithmic, 1.0, 10.0, 8).position(0.0)));
}

TEST(Axis, LabelsDecadesAsPowersWithMinorTicksBetween) {
    const Axis axis(Scale::logarithmic, 1e-2, 1e2, 8, 0.0);
    EXPECT_EQ(labels(axis.ticks()),
              (std::vector<std::string>{"10^{−2}", "10^{−1}", "10^{0}", "10^{1}", "10^{2}"}));
    EXPECT_NEAR(place_of(axis.ticks(), "10^{0}"), 0.5, 1e-12);
    EXPECT_EQ(axis.ticks().size(), 5 + 4 * 8);  // 2 … 9 in each decade
    const bool has_two = std::any_of(axis.ticks().begin(), axis.ticks().end(), [](const Tick& tick) {
        return tick.label.empty() && std::abs(tick.position - (2 + std::log10(2)) / 4) < 1e-12;
    });
    EXPECT_TRUE(has_two);
}

TEST(Axis, SkipsLabelsOfManyDecadesEvenly) {
    const Axis axis(Scale::logarithmic, 1e-14, 1.0, 8, 0.0);
    EXPECT_EQ(labels(axis.ticks()), (std::vector<std::string>{"10^{−14}", "10^{−12}", "10^{−10}", "10^{−8}",
                                                              "10^{−6}", "10^{−4}", "10^{−2}", "10^{0}"}));
}

TEST(Axis, LabelsNarrowLogarithmicRangesByOneTwoFive) {
    EXPECT_EQ(labels(Axis(Scale::logarithmic, 1.0, 50.0, 8, 0.0).ticks()),
              (std::vector<std::string>{"1", "2", "5", "10", "20", "50"}));
    EXPECT_EQ(labels(Axis(Scale::logarithmic, 1.0, 4.0, 8, 0.0).ticks()),
              (std::vector<std::string>{"1", "2", "3", "4"}));
}

TEST(Axis, LabelsTheApproachToOneInNines) {
    const Axis axis(Scale::nines, 0.0, 0.9999, 8, 0.0);
    std::vector<std::string> found = labels(axis.ticks());
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, (std::vector<std::string>{"0", "0.9", "0.99", "0.999", "0.9999"}));
    EXPECT_NEAR(place_of(axis.ticks(), "0.99"), 0.5, 1e-9);
}

TEST(Axis, LabelsLinearRangesWithNiceNumbers) {
    EXPECT_EQ(labels(Axis(Scale::linear, 0.0, 1.0, 8, 0.0).ticks()),
              (std::vector<std::string>{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
    EXPECT_EQ(labels(Axis(Scale::linear, -6.0, 6.0, 8, 0.0).ticks()),
              (std::vector<std::string>{"−6", "−4", "−2", "0", "2", "4", "6"}));
}

TEST(Axis, KeepsLabelsApartAndToldApartOnEveryRange) {
    constexpr double kHeight = 232.0, kLine = 11.0;
    for (const Scale scale : {Scale::linear, Scale::logarithmic, Scale::nines}) {
        for (double low :
             {1e-250, 1e-12, 3e-5, 0.0021, 0.1, 0.73, 0.99, 0.9999999, 1.0 - 1e-14, 1.0, 40.0, 1e9}) {
            for (double ratio : {0.0, 1e-13, 1e-6, 0.01, 0.3, 1.0, 3.0, 30.0, 1e4, 1e15}) {
                double high = low * (1.0 + ratio);
                if (scale == Scale::nines && low >= 1.0) low = -low / 1e9;
                if (scale == Scale::nines && high >= 1.0) high = 1.0 - (1.0 - low) / (1.0 + ratio);
                if (!has_place(scale, low) || !has_place(scale, high) || high < low) continue;
                const Axis axis(scale, low, high, 8);
                std::vector<double> positions;
                std::set<std::string> texts;
                for (const Tick& tick : axis.ticks()) {
                    ASSERT_GE(tick.position, 0.0);
                    ASSERT_LE(tick.position, 1.0);
                    if (tick.label.empty()) continue;
                    positions.push_back(tick.position);
                    EXPECT_TRUE(texts.insert(tick.label).second)
                        << tick.label << " twice on " << low << " … " << high;
                }
                std::sort(positions.begin(), positions.end());
                EXPECT_FALSE(positions.empty()) << static_cast<int>(scale) << ": " << low << " … " << high;
                for (std::size_t i = 1; i < positions.size(); ++i) {
                    EXPECT_GE((positions[i] - positions[i - 1]) * kHeight, kLine)
                        << static_cast<int>(scale) << ": " << low << " … " << high;
                }
                EXPECT_GE(axis.position(low), 0.0);
                EXPECT_LE(axis.position(high), 1.0);
            }
        }
    }
}

TEST(StepAxis, PutsStepZeroLeftOfTheBreak) {
    const StepAxis axis(1, 100'000, true);
    EXPECT_TRUE(axis.has_break());
    EXPECT_LT(axis.position(0), axis.break_position());
    EXPECT_GT(axis.position(1), axis.break_position());
    EXPECT_LE(axis.position(100'000), 1.0);
    EXPECT_NEAR(axis.position(10) - axis.position(1), axis.position(10'000) - axis.position(1000), 1e-12);
    EXPECT_EQ(labels(axis.ticks()),
              (std::vector<std::string>{"0", "10^{0}", "10^{1}", "10^{2}", "10^{3}", "10^{4}", "10^{5}"}));
}

TEST(StepAxis, NeedsNoBreakWhereOneSideIsEmpty) {
    const StepAxis only_zero(0, 0, true);
    EXPECT_FALSE(only_zero.has_break());
    EXPECT_EQ(labels(only_zero.ticks()), std::vector<std::string>{"0"});
    const StepAxis only_positive(900, 1000, false);
    EXPECT_FALSE(only_positive.has_break());
    EXPECT_GE(only_positive.position(900), 0.0);
    EXPECT_GE(labels(only_positive.ticks()).size(), 2U);
    EXPECT_EQ(place_of(only_positive.ticks(), "0"), -1.0);
}

TEST(StepAxis, KeepsItsLabelsApart) {
    constexpr double kNarrowestPlot = 240.0;
    for (const std::int64_t first : {1, 3, 20, 900}) {
        for (const std::int64_t factor : {1, 2, 7, 30, 100, 5'000, 1'000'000}) {
            const StepAxis axis(first, first * factor, true);
            double end = -100.0;
            for (const Tick& tick : axis.ticks()) {
                if (tick.label.empty()) continue;
                const double middle = tick.position * kNarrowestPlot, width = text_width(tick.label, 11.5);
                EXPECT_GT(middle - 0.5 * width, end)
                    << tick.label << " of " << first << " … " << first * factor;
                end = middle + 0.5 * width;
            }
        }
    }
}

// A logarithm near 0 is no measure of how far apart two values near 1 are.
TEST(Axis, EndsForValuesThatARoundingSetsApart) {
    for (const Scale scale : {Scale::linear, Scale::logarithmic})
        for (const double value : {1.0, 1e-5, 7e8}) {
            const Axis axis(scale, std::nextafter(value, 0.0), value, 6);
            EXPECT_GE(axis.ticks().size(), 1U);
            EXPECT_LE(axis.ticks().size(), 12U);
        }
}

}  // namespace
}  // namespace ntpgeo
