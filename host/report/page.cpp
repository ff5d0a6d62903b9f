#include "host/report/page.hpp"

#include <fmt/format.h>

#include "host/report/catalogue.hpp"
#include "host/report/chart.hpp"
#include "host/report/palette.hpp"
#include "host/report/summary.hpp"
#include "host/report/text.hpp"
#include "host/report/thinning.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view kPageRules =
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:1240px;padding:56px 32px 72px;background:var(--paper);color:var(--ink);"
    "font-size:15px;line-height:1.55;-webkit-text-size-adjust:100%}"
    "h1{font-size:26px;font-weight:600;letter-spacing:-.01em;line-height:1.25;margin:0 0 6px}"
    "h2{font-size:18px;font-weight:600;margin:56px 0 14px}"
    "p{margin:0 0 10px;max-width:74ch}"
    ".lead,figcaption,.note,dd,footer,caption{color:var(--muted)}"
    ".wide{overflow-x:auto;margin:28px 0 0}"
    "table{border-collapse:collapse;font-size:13.5px;line-height:1.4;font-variant-numeric:tabular-"
    "nums}"
    "caption{text-align:left;font-size:13.5px;padding:0 0 8px}"
    "thead th{font-weight:600;vertical-align:bottom;white-space:nowrap}"
    "th,td{padding:7px 26px 7px 0;text-align:left;vertical-align:baseline}"
    "th:last-child,td:last-child{padding-right:0}"
    ".number{text-align:right;white-space:nowrap}"
    "tbody th{font-weight:600}tbody td{white-space:nowrap}tbody th,tbody td.text{white-space:normal;"
    "overflow-wrap:break-word;max-width:34em}"
    "thead tr{border-top:1.5px solid var(--ink);border-bottom:1px solid var(--rule)}"
    "tbody tr:last-child{border-bottom:1.5px solid var(--ink)}"
    ".absent{color:var(--muted)}"
    ".run{display:inline-flex;align-items:baseline;margin-right:16px}.run:last-child{margin-right:0}"
    ".swatch{flex:none;width:28px;height:12px;margin-right:9px}"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:52px 56px;"
    "margin-top:28px}"
    "figure{margin:0;min-width:0;max-width:600px}"
    "figure svg{display:block;width:100%;height:auto;overflow:visible}"
    "figcaption{font-size:13.5px;line-height:1.5;margin-top:10px}"
    "figcaption b{color:var(--ink);font-weight:600}"
    ".note{display:block;font-size:12.5px;margin-top:4px}"
    "sub,sup{font-size:.74em;line-height:0}code{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu "
    "Sans "
    "Mono',monospace;font-size:.9em}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:6px "
    "22px;margin:0;max-width:90ch;font-size:14px}"
    "dt{font-weight:600}dd{margin:0}"
    "footer{margin-top:56px;font-size:12.5px}"
    "@media (max-width:640px){body{padding:32px 18px "
    "48px}.figures{gap:40px}dl{grid-template-columns:1fr;gap:0}"
    "dd{margin-bottom:10px}}"
    "@media print{body{padding:0;max-width:none;font-size:10.5pt}.wide{overflow:visible}"
    ".figures{grid-template-columns:1fr 1fr;gap:28px "
    "32px}figure,tr{break-inside:avoid}h2{break-after:avoid}}";

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
    {"Support class", "The contexts that share one support set."},
};

std::string style() {
    return fmt::format(
        ":root{{color-scheme:light dark;{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}"
        "@media print{{:root{{color-scheme:light}}}}body{{font-family:{}}}{}{}",
        custom_properties(light_palette()), custom_properties(dark_palette()), kFontFamily, kPageRules,
        chart_rules(nullptr));
}

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

struct Figures {
    std::string html;
    std::size_t count = 0;
    bool thinned = false;
};

Figures make_figures(const std::vector<Run>& runs) {
    Figures figures;
    for (const FigureKind& kind : figure_kinds()) {
        for (const Chart& chart : make_charts(kind, runs)) {
            const Drawing drawing = draw_chart(chart);
            for (const Tally& tally : drawing.tallies) figures.thinned = figures.thinned || tally.thinned();
            figures.html +=
                fmt::format("<figure id=\"{}\">{}\n<figcaption><b>Figure {}.</b> {}", chart.id,
                            inline_svg(chart, drawing), ++figures.count, html_markup(chart.caption));
            for (const std::string& note : chart_notes(chart, drawing)) {
                figures.html += "<span class=\"note\">" + note + "</span>";
            }
            figures.html += "</figcaption></figure>\n";
        }
    }
    return figures;
}

std::string how_drawn(const std::vector<Run>& runs, const Figures& figures) {
    std::string text = "<p>Steps are on a logarithmic axis, with step 0 left of its break. ";
    if (figures.thinned) {
        text += fmt::format(
            "Curves of more than {} records are thinned before drawing: in each of {} equal intervals of the "
            "step axis the first, "
            "the last, the least and the greatest value are kept; a note under the figure says how many.",
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
    for (const Run& run : runs) {
        if (!run.cut_tail) continue;
        text += "<p>The last line of <code>metrics.jsonl</code> of <bdi>" + escape_text(run.label) +
                "</bdi> is incomplete, as a killed run leaves it, and was left out.</p>\n";
    }
    return text;
}

}  // namespace

std::string report_page(const std::vector<Run>& runs) {
    std::vector<std::string> names;
    std::size_t records = 0;
    for (const Run& run : runs) {
        names.push_back(escape_text(shorten(run.label, 260.0, 14.0)));
        records += run.steps.size();
    }
    const Figures figures = make_figures(runs);
    std::string notation;
    for (const auto& [term, meaning] : kNotation) {
        notation += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_markup(term), html_markup(meaning));
    }
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>ntpgeo: "
        "{}</title>\n<style>{}</style>\n</head>\n"
        "<body>\n<header>\n<h1>The geometry of next-token prediction</h1>\n"
        "<p class=\"lead\">{} with {}, drawn by ntpgeo {}</p>\n</header>\n<main>\n{}"
        "<h2>Figures</h2>\n{}<div class=\"figures\">\n{}</div>\n<h2>Notation</h2>\n<dl>\n{}</dl>\n</main>\n"
        "</body>\n</html>\n",
        enumerated(names), style(), count_of(runs.size(), "run"), count_of(records, "record"), NTPGEO_VERSION,
        summary_tables(runs), how_drawn(runs, figures), figures.html, notation);
}

}  // namespace ntpgeo
