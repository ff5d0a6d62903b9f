#include "host/report/heat_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "host/report/svg.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

constexpr std::array kBreaks = {0.02, 0.05, 0.1, 0.2, 0.4, 0.7};
static_assert(kBreaks.size() == kHeatColours);
constexpr double kSide = 264.0, kBand = 8.0, kTop = 28.0, kTitleSize = 13.0, kNameWidth = 130.0;

/// The class of a colour; empty for what is left as paper.
std::string class_of(double cosine) {
    if (std::isnan(cosine)) return "blank";
    const int level = heat_level(cosine);
    return level == 0 ? "" : fmt::format("{}-{}", level > 0 ? "warm" : "cool", std::abs(level));
}

/// The lower triangle, a path a colour, a unit a cell.
std::string triangle(const std::vector<double>& cosines, std::size_t n) {
    std::map<std::string, std::string> paths;
    for (std::size_t row = 0; row < n; ++row) {
        for (std::size_t begin = 0; begin <= row;) {
            const std::string colour = class_of(cosines[row * n + begin]);
            std::size_t end = begin + 1;
            while (end <= row && class_of(cosines[row * n + end]) == colour) ++end;
            if (!colour.empty()) paths[colour] += fmt::format("M{} {}.5h{}", begin, row, end - begin);
            begin = end;
        }
    }
    std::string elements;
    for (const auto& [colour, path] : paths)
        elements += fmt::format("<path class=\"{}\" d=\"{}\"/>", colour, path);
    return elements;
}

}  // namespace

int heat_level(double cosine) {
    int level = 0;
    for (const double least : kBreaks) level += std::abs(cosine) >= least ? 1 : 0;
    return cosine < 0.0 ? -level : level;
}

Drawing draw_panel(const HeatMap& map, std::size_t index) {
    const HeatPanel& panel = map.panels[index];
    const auto n =
        static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(panel.cosines.size()))));
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
                    coordinate(left), coordinate(kTop), scale, id, triangle(panel.cosines, n), id));
    svg.rectangle({left - 0.5, kTop - 0.5}, kSide + 1.0, kSide + 1.0, "frame");
    return {svg.str(), left + kSide + 1.0, kTop + kSide + 1.0, {}};
}

Drawing draw_heat_legend(const HeatMap& map) {
    constexpr double kCell = 38.0, kHeight = 11.0;
    constexpr int kMost = static_cast<int>(kHeatColours);
    SvgWriter svg;
    svg.text({0.0, 11.0}, Anchor::start, "quiet", "cosine");
    double x = 52.0;
    for (int level = -kMost; level <= kMost; ++level) {
        const std::string colour =
            level == 0 ? "paper" : fmt::format("fill-{}-{}", level > 0 ? "warm" : "cool", std::abs(level));
        svg.rectangle({x, 1.0}, kCell, kHeight, colour);
        // The edge right of a cell.
        const int edge = level < 0 ? -level : level + 1;
        if (edge <= kMost) {
            svg.text({x + kCell, 26.0}, Anchor::middle, "tick",
                     (level < 0 ? "−" : "") + number_markup(kBreaks[static_cast<std::size_t>(edge - 1)], 2));
        }
        x += kCell;
    }
    svg.rectangle({51.5, 0.5}, x - 51.0, kHeight + 1.0, "frame");
    const bool any_blank = std::any_of(map.panels.begin(), map.panels.end(), [](const HeatPanel& panel) {
        return std::any_of(panel.cosines.begin(), panel.cosines.end(),
                           [](double c) { return std::isnan(c); });
    });
    if (any_blank) {
        svg.rectangle({x + 22.0, 1.0}, kCell, kHeight, "fill-blank");
        svg.text({x + 22.0 + kCell + 6.0, 11.0}, Anchor::start, "quiet", "none: a zero row");
    }
    return {svg.str(), x + (any_blank ? 172.0 : 10.0), 32.0, {}};
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
    return html + "</figcaption></figure>\n";
}

}  // namespace ntpgeo
