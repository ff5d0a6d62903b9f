// The figures of a report as SVG files of their own.
#include <fmt/format.h>

#include <algorithm>

#include "host/files/file_error.hpp"
#include "host/report/catalogue.hpp"
#include "host/report/chart.hpp"
#include "host/report/concept_tables.hpp"
#include "host/report/gram_figures.hpp"
#include "host/report/mark.hpp"
#include "host/report/page.hpp"
#include "host/report/svg.hpp"
#include "host/report/text.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view kOverview = "overview";
constexpr double kNoteSize = 12.0, kNoteLine = 16.0, kLeastNoteWidth = 560.0;
constexpr double kMargin = 16.0, kGap = 36.0, kRowGap = 16.0;

std::vector<Chart> charts_of(const std::vector<Run>& runs, std::string_view id) {
    std::vector<std::string_view> wanted = {id};
    if (id == kOverview) {
        wanted = {"excess",     "norms",    "dominance",
                  "alignments", "collapse", runs.size() > 1 ? "stable-rank" : "singular-values"};
    }
    DataSetFiles data_sets(runs);
    const bool ranked =
        std::any_of(figure_kinds().begin(), figure_kinds().end(), [&](const FigureKind& kind) {
            return kind.ranked && std::find(wanted.begin(), wanted.end(), kind.id) != wanted.end();
        });
    const auto support_values =
        ranked ? direction_values(runs, data_sets) : std::vector<std::vector<double>>();
    std::vector<Chart> charts;
    for (const FigureKind& kind : figure_kinds()) {
        if (std::find(wanted.begin(), wanted.end(), kind.id) == wanted.end()) continue;
        for (Chart& chart : make_charts(kind, runs, support_values)) charts.push_back(std::move(chart));
    }
    return charts;
}

/// A picture with the words that go with it, escaped.
struct Panel {
    Drawing drawing;
    std::string title, description;
    bool below = false;  ///< stands in a row of its own, as a legend does, and ends it
};

/// Adds the notes, which on a page stand under the figure, below a drawing that is at least `least_width`
/// wide.
void draw_notes(Drawing& drawing, const std::vector<std::string>& notes, double least_width) {
    if (notes.empty()) return;
    drawing.width = std::max(drawing.width, least_width);
    SvgWriter svg;
    double y = drawing.height + 6.0;
    for (const std::string& note : notes) {
        for (const std::string& line : wrapped(text_of_html(note), drawing.width, kNoteSize)) {
            y += kNoteLine;
            svg.text({1.0, y}, Anchor::start, "quiet", escape_text(line));
        }
    }
    drawing.elements += svg.str();
    drawing.height = y + 4.0;
}

std::vector<Panel> panels_of(const std::vector<Run>& runs, std::string_view id) {
    std::vector<Panel> panels;
    if (id == kWordsGram || id == kContextsGram) {
        DataSetFiles data_sets(runs);
        const GramFigures grams = gram_figures(runs, data_sets);
        for (const HeatMap& map : grams.maps) {
            if (map.name != id) continue;
            for (std::size_t i = 0; i < map.panels.size(); ++i) {
                panels.push_back({draw_panel(map, i), panel_name(map, i), "", false});
            }
            panels.push_back({draw_heat_legend(map), "", plain_markup(map.caption), true});
            draw_notes(panels.back().drawing, map.notes, kLeastNoteWidth);
        }
        if (!panels.empty()) {
            draw_notes(panels.back().drawing, grams.reasons, kLeastNoteWidth);
        } else if (!grams.reasons.empty()) {
            throw InputError(fmt::format("--figure {}: {}", id, text_of_html(grams.reasons.front())));
        }
        return panels;
    }
    for (const Chart& chart : charts_of(runs, id)) {
        panels.push_back({draw_chart(chart), plain_markup(chart.title), chart_description(chart), false});
        Drawing& drawing = panels.back().drawing;
        draw_notes(drawing, chart_notes(chart, drawing), 0.0);
    }
    return panels;
}

}  // namespace

std::string figure_names() {
    std::string names(kOverview);
    for (const FigureKind& kind : figure_kinds()) names.append(", ").append(kind.id);
    return fmt::format("{}, {}, {}", names, kWordsGram, kContextsGram);
}

void require_figure(std::string_view id) {
    const auto& kinds = figure_kinds();
    const bool known =
        id == kOverview || id == kWordsGram || id == kContextsGram ||
        std::any_of(kinds.begin(), kinds.end(), [id](const FigureKind& kind) { return kind.id == id; });
    if (!known)
        throw InputError(
            fmt::format("--figure {}: no such figure; there are {}", printable(id), figure_names()));
}

std::string standalone_figure(const std::vector<Run>& runs, std::string_view id) {
    require_figure(id);
    const std::vector<Panel> parts = panels_of(runs, id);
    if (parts.empty())
        throw InputError(fmt::format("--figure {}: these runs have no value to draw in it", printable(id)));

    const bool matrices = id == kWordsGram || id == kContextsGram;
    const std::size_t most = matrices ? 4 : 2;
    const std::size_t columns = std::min(parts.size(), most);
    std::string panels, title, description;
    double width = 0.0, y = kMargin, row_height = 0.0;
    std::size_t column = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Drawing& drawing = parts[i].drawing;
        if (column == columns || (i > 0 && (parts[i].below || parts[i - 1].below))) {
            y += row_height + kRowGap;
            row_height = 0.0;
            column = 0;
        }
        const double x = kMargin + static_cast<double>(column++) * (drawing.width + kGap);
        panels += fmt::format("<g transform=\"translate({} {})\">{}</g>\n", coordinate(x), coordinate(y),
                              drawing.elements);
        width = std::max(width, x + drawing.width + kMargin);
        row_height = std::max(row_height, drawing.height);
        if (!parts[i].title.empty()) title += (title.empty() ? "" : "; ") + parts[i].title;
        if (!parts[i].description.empty())
            description += (description.empty() ? "" : " ") + parts[i].description;
    }
    const double height = y + row_height + kMargin;
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "role=\"img\" "
        "aria-labelledby=\"title description\">\n{6}\n<title id=\"title\">{2}</title>\n"
        "<desc id=\"description\">{3}</desc>\n<style>{4}</style>\n"
        "<rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>\n{5}</svg>\n",
        coordinate(width), coordinate(height), title, description,
        chart_rules(&light_palette()) + (matrices ? heat_rules(&light_palette()) : ""), panels, kFigureMark);
}

}  // namespace ntpgeo
