#include "host/report/page.hpp"

#include <fmt/format.h>

#include "host/report/catalogue.hpp"
#include "host/report/chart.hpp"
#include "host/report/chart_layout.hpp"
#include "host/report/concept_tables.hpp"
#include "host/report/gram_figures.hpp"
#include "host/report/mark.hpp"
#include "host/report/summary.hpp"
#include "host/report/svg.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

/// Terms that every caption uses.
constexpr std::pair<std::string_view, std::string_view> kNotation[] = {
    {"L = WH",
     "The logits, V × m: a row a word, a column a context. All figures are of the centred logits, each "
     "column less "
     "its mean, since a constant added to a column changes no probability."},
    {"p_{j}, S_{j}, π_{j}",
     "The empirical next-token distribution of context j, its support, and how often the context "
     "occurs. H is their mean entropy, the lower bound of the loss."},
    {"P_{F}, P_{⊥}",
     "P_{F} keeps, in each column and on its support, the entries less their mean there: what the support "
     "alone "
     "does not tell. P_{⊥} = I − P_{F} is the orthogonal rest."},
    {"L_{in}", "The limit of P_{F}(L), log p_{j} less its mean over S_{j}."},
    {"L_{mm}",
     "The direction of P_{⊥}(L) in the limit: the least nuclear norm with equal logits on each support and a "
     "margin "
     "of 1 to the rest (NTP-SVM). It depends on the supports alone."},
    {"S\u0303",
     "The centred support matrix, (I − 11ᵀ/V)S with S the 0-1 matrix of the supports: the proxy of L_{mm}."},
    {"σ_{k}", "The k-th singular value of P_{⊥}(L), and of nothing else."},
    {"s_{k}", "The strength of P_{⊥}(L) along the k-th singular direction of S\u0303."},
    {"Support class", "The contexts that share one support set."},
};

std::string count_of(std::size_t number, const std::string& noun) {
    return fmt::format("{} {}{}", count_text(static_cast<std::int64_t>(number)), noun,
                       number == 1 ? "" : "s");
}

/// A list in prose: "a", "a and b", "a, b and c".
std::string enumerated(const std::vector<std::string>& items) {
    std::string text;
    for (std::size_t i = 0; i < items.size(); ++i) {
        text += i == 0 ? "" : i + 1 == items.size() ? " and " : ", ";
        text += items[i];
    }
    return text;
}

struct PageFigures {
    std::string html;
    std::size_t count = 0;
    bool steps = false, thinned = false;
};

constexpr std::pair<Across, std::string_view> kParts[] = {
    {Across::step, "Along training"},
    {Across::logits_norm, "Where the logits are equally large"},
    {Across::lambda, "Along the regularization path"},
    {Across::iterations, "Towards the limit"}};

std::string figure_element(const Chart& chart, const Drawing& drawing, std::size_t number) {
    std::string html = fmt::format("<figure id=\"{}\">{}\n<figcaption><b>Figure {}.</b> {}", chart.id,
                                   inline_svg(chart, drawing), number, html_markup(chart.caption));
    for (const std::string& note : chart_notes(chart, drawing)) {
        html += "<span class=\"note\">" + note + "</span>";
    }
    return html + "</figcaption></figure>\n";
}

PageFigures make_figures(const std::vector<Run>& runs, DataSetFiles& data_sets) {
    const std::vector<std::vector<double>> support_values = direction_values(runs, data_sets);
    PageFigures figures;
    for (const auto& [across, heading] : kParts) {
        std::string part;
        for (const FigureKind& kind : figure_kinds()) {
            if (kind.across != across) continue;
            for (const Chart& chart : make_charts(kind, runs, support_values)) {
                const Drawing drawing = draw_chart(chart);
                for (const Tally& tally : drawing.tallies)
                    figures.thinned = figures.thinned || tally.thinned();
                figures.steps = figures.steps || across == Across::step;
                part += figure_element(chart, drawing, ++figures.count);
            }
        }
        if (part.empty()) continue;
        figures.html += fmt::format("<h3>{}</h3>\n<div class=\"figures\">\n{}</div>\n", heading, part);
    }
    return figures;
}

std::string gram_part(const GramFigures& grams, PageFigures& figures) {
    std::string part;
    for (const HeatMap& map : grams.maps) {
        std::string heading = html_markup(map.title);
        if (!map.of_data.empty()) heading += ": <bdi>" + escape_text(map.of_data) + "</bdi>";
        part += "<h3>" + heading + "</h3>\n" + heat_figure(map, ++figures.count);
    }
    return part;
}

/// `reasons` are sentences about what else is left out.
std::string how_drawn(const std::vector<Run>& runs, const PageFigures& figures,
                      const std::vector<std::string>& reasons) {
    std::string text = "<p>";
    if (figures.steps) text += "Steps are on a logarithmic axis, with step 0 left of its break. ";
    if (figures.thinned) {
        text += fmt::format(
            "Curves of more than {} records are thinned before drawing: in each of {} equal intervals of the "
            "horizontal axis (of the records, where norms are compared) the first, the last, the least and "
            "the "
            "greatest value are kept; a note under the figure says how many.",
            kPointsASeries, kPointsASeries / 4);
    } else {
        text += "Every record is drawn; nothing was thinned.";
    }
    text += "</p>\n";
    const LeftOut left = left_out(runs);
    if (!left.absent.empty()) {
        text += "<p>Not drawn, because they are null or missing in every record of these runs: " +
                enumerated(left.absent) + ".</p>\n";
    }
    if (!left.unplaced.empty()) {
        text += "<p>Not drawn, because their axis has no place for any of their values: " +
                enumerated(left.unplaced) + ".</p>\n";
    }
    for (const std::string& reason : reasons) text += "<p>" + reason + "</p>\n";
    for (const Run& run : runs) {
        if (!run.cut_tail) continue;
        text += "<p>The last line of <code>metrics.jsonl</code> of <bdi>" + escape_text(run.full_label()) +
                "</bdi> is incomplete, as a killed run leaves it, and was left out.</p>\n";
    }
    return text;
}

/// The rules of the page, from page.css.
constexpr std::string_view kPageRules =
#include "page.css.inc"
    ;

/// Rules for the page and its pictures, in light and dark, on a screen and on paper.
std::string page_style() {
    return fmt::format(
        ":root{{color-scheme:light dark;{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}"
        "@media print{{:root{{color-scheme:light}}}}body{{font-family:{}}}{}{}",
        custom_properties(light_palette()), custom_properties(dark_palette()), kFontFamily, kPageRules,
        chart_rules(nullptr) + heat_rules(nullptr));
}

}  // namespace

std::string report_page(const std::vector<Run>& runs) {
    std::vector<std::string> names;
    std::size_t records = 0;
    for (const Run& run : runs) {
        names.push_back(escape_text(shorten(run.label, 260.0, 14.0)));
        records += run.records;
    }
    DataSetFiles data_sets(runs);
    PageFigures figures = make_figures(runs, data_sets);
    const GramFigures grams = gram_figures(runs, data_sets);
    figures.html += gram_part(grams, figures);
    const ConceptTables concepts = concept_tables(runs, data_sets);
    std::vector<std::string> reasons = grams.reasons;
    reasons.insert(reasons.end(), concepts.reasons.begin(), concepts.reasons.end());
    std::string notation;
    for (const auto& [term, meaning] : kNotation) {
        notation += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_markup(term), html_markup(meaning));
    }
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "{}\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>ntpgeo: "
        "{}</title>\n<style>{}</style>\n</head>\n"
        "<body>\n<header>\n<h1>The geometry of next-token prediction</h1>\n"
        "<p class=\"lead\">{} with {}, drawn by ntpgeo {}</p>\n</header>\n<main>\n{}"
        "<h2>Figures</h2>\n{}{}{}<h2>Notation</h2>\n<dl>\n{}</dl>\n</main>\n"
        "</body>\n</html>\n",
        kPageMark, enumerated(names), page_style(), count_of(runs.size(), "run"), count_of(records, "record"),
        NTPGEO_VERSION, summary_tables(runs) + limit_cards(runs), how_drawn(runs, figures, reasons),
        figures.html, concepts.html, notation);
}

}  // namespace ntpgeo
