#include "host/report/heat_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "host/report/svg.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

constexpr double kSteps = static_cast<double>(kHeatColours) + 1;  // of √(|cosine|/reach) in [0, 1]
constexpr double kRounding = 1e-9;
constexpr double kSide = 264.0, kBand = 8.0, kTop = 28.0, kTitleSize = 13.0, kNameWidth = 130.0;
constexpr double kBarGap = 10.0, kBarHeight = 9.0, kBarTextSize = 11.5, kLabelGap = 6.0;

std::size_t order_of(const HeatPanel& panel) {
    return static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(panel.cosines.size()))));
}

/// The colour of a level as it fills: "fill-warm-3", "paper".
std::string fill_of(int level) {
    return level == 0 ? "paper" : fmt::format("fill-{}-{}", level > 0 ? "warm" : "cool", std::abs(level));
}

/// The lower triangle, a path a colour, a unit a cell.
std::string triangle(const HeatPanel& panel, std::size_t n) {
    const double reach = heat_range(panel).reach();
    const auto class_of = [&](std::size_t row, std::size_t column) -> std::string {
        const double cosine = panel.cosines[row * n + column];
        if (std::isnan(cosine)) return "blank";
        if (row == column) return "diagonal";
        const int level = heat_level(cosine, reach);
        return level == 0 ? "" : fill_of(level).substr(5);
    };
    std::map<std::string, std::string> paths;
    for (std::size_t row = 0; row < n; ++row) {
        for (std::size_t begin = 0; begin <= row;) {
            const std::string colour = class_of(row, begin);
            std::size_t end = begin + 1;
            while (end <= row && class_of(row, end) == colour) ++end;
            if (!colour.empty()) paths[colour] += fmt::format("M{} {}.5h{}", begin, row, end - begin);
            begin = end;
        }
    }
    std::string elements;
    for (const auto& [colour, path] : paths)
        elements += fmt::format("<path class=\"{}\" d=\"{}\"/>", colour, path);
    return elements;
}

/// The levels from the least to the greatest cosine as a bar in [left, right], whose ends are these two;
/// between them the edges of the levels have their cosines where there is room.
void draw_bar(SvgWriter& svg, const HeatRange& range, double left, double right, double top) {
    const double reach = range.reach();
    if (!(reach > 0.0)) {
        svg.text(
            {left, top + kBarHeight}, Anchor::start, "tick",
            std::isnan(range.least) ? "no cosine off the diagonal" : "all cosines off the diagonal are 0");
        return;
    }
    const int first = heat_level(range.least, reach), last = heat_level(range.greatest, reach);
    const double cell = (right - left) / (last - first + 1);
    for (int level = first; level <= last; ++level)
        svg.rectangle({left + cell * (level - first), top}, cell, kBarHeight, fill_of(level));
    svg.rectangle({left - 0.5, top - 0.5}, right - left + 1.0, kBarHeight + 1.0, "frame");
    const double baseline = top + kBarHeight + 13.0;
    const auto label = [&](double x, Anchor anchor, double cosine) {
        svg.text({x, baseline}, anchor, "tick", svg_markup(number_markup(cosine, 2), kBarTextSize));
    };
    const auto width = [](double cosine) { return text_width(number_markup(cosine, 2), kBarTextSize); };
    label(left, Anchor::start, range.least);
    label(right, Anchor::end, range.greatest);
    std::vector<std::pair<double, double>> taken = {{left, left + width(range.least)},
                                                    {right - width(range.greatest), right}};
    const auto mark = [&](double x, double cosine) {
        const double from = x - 0.5 * width(cosine), to = x + 0.5 * width(cosine);
        if (std::any_of(taken.begin(), taken.end(), [&](const auto& other) {
                return from < other.second + kLabelGap && to > other.first - kLabelGap;
            }))
            return;
        taken.emplace_back(from, to);
        svg.line({x, top + kBarHeight}, {x, top + kBarHeight + 3.0}, "axis");
        label(x, Anchor::middle, cosine);
    };
    // The 0 first, which stands in the middle of its level.
    if (first < 0 && last > 0) mark(left + cell * (0.5 - first), 0.0);
    for (int level = first; level < last; ++level) {
        const double share = (level < 0 ? level : level + 1) / kSteps;  // of the edge right of the level
        mark(left + cell * (level - first + 1), std::copysign(share * share * reach, share));
    }
}

}  // namespace

double HeatRange::reach() const {
    const double largest = std::max(std::abs(least), std::abs(greatest));
    return largest >= kRounding ? largest : 0.0;
}

HeatRange heat_range(const HeatPanel& panel) {
    const std::size_t n = order_of(panel);
    HeatRange range{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
    for (std::size_t row = 0; row < n; ++row) {
        for (std::size_t column = 0; column < row; ++column) {
            range.least = std::fmin(range.least, panel.cosines[row * n + column]);
            range.greatest = std::fmax(range.greatest, panel.cosines[row * n + column]);
        }
    }
    return range;
}

int heat_level(double cosine, double reach) {
    if (!(reach > 0.0)) return 0;
    const double step = std::floor(kSteps * std::sqrt(std::abs(cosine) / reach));
    const int level = static_cast<int>(std::min(step, static_cast<double>(kHeatColours)));
    return cosine < 0.0 ? -level : level;
}

Drawing draw_panel(const HeatMap& map, std::size_t index) {
    const HeatPanel& panel = map.panels[index];
    const std::size_t n = order_of(panel);
    const double left = map.groups.empty() ? 1.0 : kBand + 3.0, scale = kSide / static_cast<double>(n);
    SvgWriter svg;
    // The blank undoes the shift of a subscript at the end.
    std::string title = svg_markup(panel.title + " ", kTitleSize);
    if (!panel.subject.empty())
        title += fmt::format("<tspan class=\"quiet\" dx=\"4\">{}</tspan>",
                             escape_text(shorten(panel.subject, kNameWidth, 12.0)));
    svg.text({left, 16.0}, Anchor::start, "title", title);
    double from = 0.0;
    for (std::size_t g = 0; g < map.groups.size(); ++g) {
        const double height = scale * static_cast<double>(map.groups[g]);
        svg.rectangle({0.0, kTop + from}, kBand, height, g % 2 == 0 ? "band" : "fill-blank");
        from += height;
    }
    const std::string id = fmt::format("{}-cells-{}", map.id, index + 1);
    svg.raw(
        fmt::format("<g class=\"heat\" transform=\"translate({} {}) scale({:.5f})\"><g id=\"{}\">{}</g>"
                    "<use href=\"#{}\" transform=\"matrix(0 1 1 0 0 0)\"/></g>",
                    coordinate(left), coordinate(kTop), scale, id, triangle(panel, n), id));
    svg.rectangle({left - 0.5, kTop - 0.5}, kSide + 1.0, kSide + 1.0, "frame");
    const double bar = kTop + kSide + kBarGap;
    draw_bar(svg, heat_range(panel), left, left + kSide, bar);
    return {svg.str(), left + kSide + 1.0, bar + kBarHeight + 18.0, {}};
}

Drawing draw_heat_legend(const HeatMap& map) {
    constexpr double kCell = 22.0, kHeight = 11.0;
    SvgWriter svg;
    double x = 1.0;
    const auto entry = [&](std::string_view colour, const std::string& meaning) {
        svg.rectangle({x, 1.0}, kCell, kHeight, colour);
        svg.text({x + kCell + 6.0, 11.0}, Anchor::start, "quiet", meaning);
        x += kCell + 6.0 + text_width(meaning, 12.0) + 24.0;
    };
    entry("fill-diagonal", "the diagonal, 1 in each");
    const bool any_blank = std::any_of(map.panels.begin(), map.panels.end(), [](const HeatPanel& panel) {
        return std::any_of(panel.cosines.begin(), panel.cosines.end(),
                           [](double c) { return std::isnan(c); });
    });
    if (any_blank) entry("fill-blank", "none: a zero row");
    return {svg.str(), x, 18.0, {}};
}

std::string panel_name(const HeatMap& map, std::size_t index) {
    const HeatPanel& panel = map.panels[index];
    return plain_markup(panel.title) + (panel.subject.empty() ? "" : ", " + escape_text(panel.subject));
}

std::string heat_figure(const HeatMap& map, std::size_t number) {
    std::string html = fmt::format("<figure class=\"whole\" id=\"{}\"><div class=\"panels\">", map.id);
    for (std::size_t i = 0; i < map.panels.size(); ++i) {
        const Drawing drawing = draw_panel(map, i);
        html += fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
            "aria-labelledby=\"{}-title-{}\"><title id=\"{}-title-{}\">{}</title>{}</svg>\n",
            coordinate(drawing.width), coordinate(drawing.height), map.id, i + 1, map.id, i + 1,
            panel_name(map, i), drawing.elements);
    }
    const Drawing legend = draw_heat_legend(map);
    html += fmt::format("</div><svg class=\"legend\" viewBox=\"0 0 {} {}\" aria-hidden=\"true\">{}</svg>\n",
                        coordinate(legend.width), coordinate(legend.height), legend.elements);
    html += fmt::format("<figcaption><b>Figure {}.</b> {}", number, html_markup(map.caption));
    for (const std::string& note : map.notes) html += "<span class=\"note\">" + note + "</span>";
    html += map.words;
    return html + "</figcaption></figure>\n";
}

}  // namespace ntpgeo
