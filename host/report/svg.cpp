#include "host/report/svg.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

namespace ntpgeo {
namespace {

using Colour = std::array<int, 3>;

/// The colour at `place` in [0, 1] on straight lines in RGB through three stops.
std::string between(double place, const Colour& first, const Colour& middle, const Colour& last) {
    const Colour& from = place < 0.5 ? first : middle;
    const Colour& to = place < 0.5 ? middle : last;
    const double share = place < 0.5 ? 2.0 * place : 2.0 * place - 1.0;
    std::string value = "#";
    for (std::size_t channel = 0; channel < 3; ++channel) {
        const double mixed = (1.0 - share) * from[channel] + share * to[channel];
        value += fmt::format("{:02x}", std::lround(mixed));
    }
    return value;
}

Palette with_ramp(Palette palette, const Colour& strong, const Colour& middle, const Colour& faint) {
    for (std::size_t k = 0; k < kRampColours; ++k) {
        const double place = static_cast<double>(k) / static_cast<double>(kRampColours - 1);
        palette.emplace_back(fmt::format("ramp-{}", k), between(place, strong, middle, faint));
    }
    return palette;
}

/// Adds `warm-k` or `cool-k`, k = 1 … from next to `paper` to `strong`.
Palette with_heat(Palette palette, const char* name, const Colour& paper, const Colour& middle,
                  const Colour& strong) {
    for (std::size_t k = 1; k <= kHeatColours; ++k) {
        const double place = static_cast<double>(k) / static_cast<double>(kHeatColours);
        palette.emplace_back(fmt::format("{}-{}", name, k), between(place, paper, middle, strong));
    }
    return palette;
}

/// The colour of this name as a rule has it.
std::string colour_value(const Palette* embedded, const std::string& name) {
    if (embedded != nullptr) {
        for (const auto& [key, value] : *embedded) {
            if (key == name) return value;
        }
    }
    return "var(--" + name + ")";
}

}  // namespace

std::string coordinate(double value) {
    std::string text = fmt::format("{:.2f}", value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text == "-0" ? "0" : text;
}

void SvgWriter::line(Point from, Point to, std::string_view classes) {
    out_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>", classes,
                        coordinate(from.first), coordinate(from.second), coordinate(to.first),
                        coordinate(to.second));
}

void SvgWriter::strokes(const std::vector<std::vector<Point>>& strokes, std::string_view classes) {
    if (strokes.empty()) return;
    out_ += fmt::format("<path class=\"{}\" d=\"", classes);
    for (const auto& stroke : strokes) {
        char command = 'M';
        for (const auto& [x, y] : stroke) {
            out_ += fmt::format("{}{} {}", command, coordinate(x), coordinate(y));
            command = 'L';
        }
    }
    out_ += "\"/>";
}

void SvgWriter::mark(Point centre, std::size_t shape, double radius, std::string_view classes) {
    struct Shape {
        int corners;     ///< 0: a circle
        double turn;     ///< of the first corner from the top, in turns
        double stretch;  ///< so that all shapes look equally large
    };
    static constexpr Shape kShapes[] = {{0, 0, 1},   {4, 0.125, 1.25}, {3, 0, 1.35},
                                        {4, 0, 1.3}, {3, 0.5, 1.35},   {5, 0, 1.2}};
    const Shape& form = kShapes[shape % std::size(kShapes)];
    if (form.corners == 0) {
        out_ += fmt::format("<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>", classes,
                            coordinate(centre.first), coordinate(centre.second), coordinate(radius));
        return;
    }
    out_ += fmt::format("<path class=\"{}\" d=\"", classes);
    for (int corner = 0; corner < form.corners; ++corner) {
        const double angle =
            2.0 * std::numbers::pi * (form.turn + static_cast<double>(corner) / form.corners);
        out_ += fmt::format("{}{} {}", corner == 0 ? 'M' : 'L',
                            coordinate(centre.first + form.stretch * radius * std::sin(angle)),
                            coordinate(centre.second - form.stretch * radius * std::cos(angle)));
    }
    out_ += "Z\"/>";
}

void SvgWriter::rectangle(Point corner, double width, double height, std::string_view classes) {
    out_ += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>", classes,
                        coordinate(corner.first), coordinate(corner.second), coordinate(width),
                        coordinate(height));
}

void SvgWriter::text(Point at, Anchor anchor, std::string_view classes, std::string_view content) {
    static constexpr std::string_view kAnchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    out_ += fmt::format("<text{} x=\"{}\" y=\"{}\"{}>{}</text>",
                        classes.empty() ? "" : fmt::format(" class=\"{}\"", classes), coordinate(at.first),
                        coordinate(at.second), kAnchors[static_cast<std::size_t>(anchor)], content);
}

const Palette& light_palette() {
    static const Palette palette =
        with_heat(with_heat(with_ramp(
                                {
                                    {"paper", "#ffffff"},  {"ink", "#1c2126"},    {"muted", "#5b6570"},
                                    {"grid", "#eceff2"},   {"axis", "#8c96a0"},   {"rule", "#d9dee3"},
                                    {"line-0", "#0072b2"}, {"line-1", "#d55e00"}, {"line-2", "#009e73"},
                                    {"line-3", "#cc79a7"}, {"line-4", "#e69f00"}, {"line-5", "#56b4e9"},
                                    {"line-6", "#5b6570"}, {"text-0", "#00609a"}, {"text-1", "#a84a00"},
                                    {"text-2", "#006f51"}, {"text-3", "#9a3f70"}, {"text-4", "#805800"},
                                    {"text-5", "#22699a"}, {"text-6", "#4b545d"},
                                },
                                {8, 37, 91}, {38, 120, 184}, {158, 202, 233}),
                            "warm", {255, 255, 255}, {240, 146, 84}, {110, 36, 0}),
                  "cool", {255, 255, 255}, {92, 164, 216}, {3, 48, 96});
    return palette;
}

const Palette& dark_palette() {
    static const Palette palette =
        with_heat(with_heat(with_ramp(
                                {
                                    {"paper", "#15181c"},  {"ink", "#e4e8ec"},    {"muted", "#9aa5b0"},
                                    {"grid", "#242a30"},   {"axis", "#6b7681"},   {"rule", "#343b43"},
                                    {"line-0", "#3d9bd8"}, {"line-1", "#e8762d"}, {"line-2", "#1db58a"},
                                    {"line-3", "#d790b8"}, {"line-4", "#eab13a"}, {"line-5", "#8ccdf2"},
                                    {"line-6", "#a7b1bb"}, {"text-0", "#6bb6e6"}, {"text-1", "#f0935a"},
                                    {"text-2", "#45cda5"}, {"text-3", "#e3abc9"}, {"text-4", "#f0c264"},
                                    {"text-5", "#a5daf6"}, {"text-6", "#b9c2cb"},
                                },
                                {222, 239, 251}, {84, 160, 216}, {36, 84, 128}),
                            "warm", {21, 24, 28}, {196, 88, 24}, {255, 222, 190}),
                  "cool", {21, 24, 28}, {32, 110, 168}, {196, 228, 255});
    return palette;
}

std::string custom_properties(const Palette& palette) {
    std::string properties;
    for (const auto& [name, colour] : palette) properties += fmt::format("--{}:{};", name, colour);
    return properties;
}

std::string chart_rules(const Palette* embedded) {
    const auto colour = [&](const std::string& name) { return colour_value(embedded, name); };
    std::string rules = fmt::format(
        "svg text{{font-family:{};font-size:12px;fill:{};stroke:none}}"
        "svg .title{{font-size:13.5px;font-weight:600}}"
        "svg .quiet{{font-size:12px;font-weight:400;fill:{}}}"
        "svg .tick{{font-size:11.5px;fill:{}}}"
        ".grid{{fill:none;stroke:{};stroke-width:1}}"
        ".axis{{fill:none;stroke:{};stroke-width:1}}"
        ".zero{{fill:none;stroke:{};stroke-width:1;stroke-dasharray:1 3}}"
        ".curve{{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:butt}}"
        ".leader{{fill:none;stroke-width:.8;opacity:.65}}"
        ".paper{{fill:{}}}"
        ".mark{{stroke:{};stroke-width:1}}"
        ".dash-1{{stroke-dasharray:7 3}}.dash-2{{stroke-dasharray:2 2.5}}.dash-3{{stroke-dasharray:8 3 2 3}}",
        kFontFamily, colour("ink"), colour("muted"), colour("muted"), colour("grid"), colour("axis"),
        colour("axis"), colour("paper"), colour("paper"));
    const auto add_colour = [&](const std::string& name, const std::string& line, const std::string& text) {
        rules += fmt::format(".stroke-{0}{{stroke:{1}}}.fill-{0}{{fill:{1}}}svg .text-{0}{{fill:{2}}}", name,
                             colour(line), colour(text));
    };
    for (std::size_t i = 0; i < kSeriesColours; ++i) {
        add_colour(std::to_string(i), fmt::format("line-{}", i), fmt::format("text-{}", i));
    }
    for (std::size_t k = 0; k < kRampColours; ++k) {
        add_colour(fmt::format("ramp-{}", k), fmt::format("ramp-{}", k), "ink");
    }
    return rules;
}

std::string heat_rules(const Palette* embedded) {
    const auto colour = [&](const std::string& name) { return colour_value(embedded, name); };
    std::string rules = ".heat{fill:none;stroke-width:1;shape-rendering:crispEdges}";
    rules += fmt::format(".frame{{fill:none;stroke:{};stroke-width:1}}", colour("axis"));
    for (std::size_t k = 1; k <= kHeatColours; ++k) {
        for (const char* side : {"warm", "cool"}) {
            const std::string name = fmt::format("{}-{}", side, k);
            rules += fmt::format(".{0}{{stroke:{1}}}.fill-{0}{{fill:{1}}}", name, colour(name));
        }
    }
    rules += fmt::format(
        ".band{{fill:{}}}.fill-blank{{fill:{}}}.blank{{stroke:{}}}.fill-diagonal{{fill:{}}}.diagonal{{stroke:"
        "{}}}",
        colour("muted"), colour("rule"), colour("rule"), colour("axis"), colour("axis"));
    return rules;
}

}  // namespace ntpgeo
