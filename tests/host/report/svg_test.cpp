#include "host/report/svg.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace ntpgeo {
namespace {

/// Relative luminance of #rrggbb as WCAG 2 defines it.
double luminance(const std::string& colour) {
    const double weights[] = {0.2126, 0.7152, 0.0722};
    double sum = 0.0;
    for (std::size_t channel = 0; channel < 3; ++channel) {
        const double value = std::stoi(colour.substr(1 + 2 * channel, 2), nullptr, 16) / 255.0;
        sum += weights[channel] * (value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4));
    }
    return sum;
}

double contrast(const std::string& a, const std::string& b) {
    const double first = luminance(a), second = luminance(b);
    return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

TEST(Palette, HasReadableWordsInLightAndDark) {
    for (const Palette* palette : {&light_palette(), &dark_palette()}) {
        const std::map<std::string, std::string> colours(palette->begin(), palette->end());
        for (const auto& [name, colour] : colours) {
            if (name.starts_with("text-") || name == "ink" || name == "muted") {
                EXPECT_GE(contrast(colour, colours.at("paper")), 4.5) << name << " " << colour;
            }
        }
    }
}

TEST(Palette, OrdersTheRampFromStrongToFaint) {
    for (const Palette* palette : {&light_palette(), &dark_palette()}) {
        const std::map<std::string, std::string> colours(palette->begin(), palette->end());
        for (std::size_t k = 1; k < kRampColours; ++k) {
            EXPECT_LT(contrast(colours.at("ramp-" + std::to_string(k)), colours.at("paper")),
                      contrast(colours.at("ramp-" + std::to_string(k - 1)), colours.at("paper")));
        }
    }
}

TEST(ChartRules, NeedNoCustomPropertiesWhereColoursAreEmbedded) {
    EXPECT_EQ(chart_rules(&light_palette()).find("var("), std::string::npos);
    EXPECT_NE(chart_rules(nullptr).find("var(--line-0)"), std::string::npos);
}

}  // namespace
}  // namespace ntpgeo
