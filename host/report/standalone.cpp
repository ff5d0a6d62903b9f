#include "host/report/standalone.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/report/catalogue.hpp"
#include "host/report/chart.hpp"
#include "host/report/palette.hpp"
#include "host/report/svg.hpp"
#include "host/report/text.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view kOverview = "overview";
constexpr double kMargin = 16.0, kGap = 36.0, kRowGap = 16.0;

std::vector<Chart> charts_of(const std::vector<Run>& runs, std::string_view id) {
    std::vector<std::string_view> wanted = {id};
    if (id == kOverview) {
        wanted = {"excess",     "norms",    "dominance",
                  "alignments", "collapse", runs.size() > 1 ? "stable-rank" : "singular-values"};
    }
    std::vector<Chart> charts;
    for (const FigureKind& kind : figure_kinds()) {
        if (std::find(wanted.begin(), wanted.end(), kind.id) == wanted.end()) continue;
        for (Chart& chart : make_charts(kind, runs)) charts.push_back(std::move(chart));
    }
    return charts;
}

}  // namespace

std::string figure_names() {
    std::string names(kOverview);
    for (const FigureKind& kind : figure_kinds()) names += ", " + kind.id;
    return names;
}

std::string standalone_figure(const std::vector<Run>& runs, std::string_view id) {
    const auto& kinds = figure_kinds();
    const bool known = id == kOverview || std::any_of(kinds.begin(), kinds.end(),
                                                      [id](const FigureKind& kind) { return kind.id == id; });
    if (!known)
        throw InputError(fmt::format("--figure {}: no such figure; there are {}", id, figure_names()));
    const std::vector<Chart> charts = charts_of(runs, id);
    if (charts.empty())
        throw InputError(fmt::format("--figure {}: these runs have no value to draw in it", id));

    const std::size_t columns = std::min<std::size_t>(charts.size(), 2);
    std::string panels, title, description;
    double width = 0.0, y = kMargin, row_height = 0.0;
    for (std::size_t i = 0; i < charts.size(); ++i) {
        const Drawing drawing = draw_chart(charts[i]);
        if (i > 0 && i % columns == 0) {
            y += row_height + kRowGap;
            row_height = 0.0;
        }
        const double x = kMargin + static_cast<double>(i % columns) * (drawing.width + kGap);
        panels += fmt::format("<g transform=\"translate({} {})\">{}</g>\n", coordinate(x), coordinate(y),
                              drawing.elements);
        width = std::max(width, x + drawing.width + kMargin);
        row_height = std::max(row_height, drawing.height);
        title += fmt::format("{}{}", i > 0 ? "; " : "", plain_markup(charts[i].title));
        description += fmt::format("{}{}", i > 0 ? " " : "", chart_description(charts[i]));
    }
    const double height = y + row_height + kMargin;
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "role=\"img\" "
        "aria-labelledby=\"title description\">\n<title id=\"title\">{2}</title>\n"
        "<desc id=\"description\">{3}</desc>\n<style>{4}</style>\n"
        "<rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>\n{5}</svg>\n",
        coordinate(width), coordinate(height), title, description, chart_rules(&light_palette()), panels);
}

}  // namespace ntpgeo
