#include "host/report/limit_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/exact/limit.hpp"
#include "host/files/outward.hpp"
#include "host/report/run_table.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

constexpr const char* kNuclearNorm = "‖<i>L</i><sub>mm</sub>‖<sub>*</sub>";

/// The significant digits that the table of figures gives a key.
int digits_of(std::string_view key) {
    return record_key(key).told.digits;
}

/// Digits enough to tell two numbers of this relative difference apart, and one more.
int digits_for(double relative_difference) {
    if (!(relative_difference > 0.0)) return 12;
    return std::clamp(static_cast<int>(std::ceil(-std::log10(relative_difference))) + 2, 4,
                      digits_of("bound"));
}

/// The statement about ‖L_mm‖_*.
std::string norm_statement(const Run& run) {
    const double value = run.last("nuclear_norm"), bound = run.last("bound");
    if (std::isnan(value)) return kAbsentCell;
    if (std::isnan(bound)) {
        return value == 0.0
                   ? "0: every support is full, and so <i>L</i><sub>mm</sub> = 0"
                   : html_markup(number_markup(value, digits_of("nuclear_norm"))) + ", without a certificate";
    }
    const int digits = digits_for((value - bound) / value);
    return fmt::format("{} ≤ {} ≤ {}", html_markup(number_markup(rounded_down(bound, digits), digits)),
                       kNuclearNorm, html_markup(number_markup(rounded_up(value, digits), digits)));
}

std::string gap_statement(const Run& run) {
    const double gap = run.last("relative_gap");
    if (std::isnan(gap)) return "none: there is no bound to compare with";
    const int digits = digits_of("relative_gap");
    std::string text = figure_cell(rounded_up(gap, digits), digits);
    const nlohmann::json& tolerance = at(run.config, {"tol"});
    if (tolerance.is_number())
        text += fmt::format(", {} the tolerance {}", gap <= tolerance.get<double>() ? "within" : "above",
                            setting(tolerance));
    return text;
}

/// What is proved of S̃, which is a feasible point: whether it is L_mm, and if not how far it is.
std::string proxy_statement(const Run& run) {
    const double violations = run.last("proxy_sign_violations"), alignment = run.last("proxy_alignment");
    const double value = run.last("nuclear_norm"), proxy = run.last("proxy_nuclear_norm");
    if (std::isnan(violations)) return "not tested.";
    const ProxyVerdict verdict = judge_proxy({proxy, violations}, value, run.last("relative_gap"));
    std::string text;
    if (verdict == ProxyVerdict::is_limit) {
        text =
            "S\u0303 is exactly <i>L</i><sub>mm</sub>: its polar factor UVᵀ is ≤ 0 at every entry off the "
            "supports, which proves it";
    } else {
        text = fmt::format(
            "{} <i>L</i><sub>mm</sub>; its polar factor UVᵀ is positive at {}\u00A0% of the "
            "entries off the supports",
            verdict == ProxyVerdict::is_longer ? "S\u0303 is not" : "no proof that S\u0303 is",
            figure_cell(100.0 * violations, digits_of("proxy_sign_violations")));
    }
    if (proxy > 0.0 && value > 0.0 && verdict != ProxyVerdict::is_limit) {
        const double excess = proxy / value - 1.0;
        text += fmt::format(
            "; its nuclear norm {} is {}", figure_cell(proxy, digits_of("proxy_nuclear_norm")),
            excess <= 0.0 ? std::string("no greater") : figure_cell(100.0 * excess, 3) + "\u00A0% greater");
    }
    if (!std::isnan(alignment))
        text += "; the cosine of the two is " + figure_cell(alignment, digits_of("proxy_alignment"));
    return text + ".";
}

std::string fact(std::string_view term, const std::string& statement) {
    return fmt::format("<dt>{}</dt><dd>{}</dd>\n", term, statement);
}

/// A statement under the head of a key.
std::string fact_of(std::string_view key, const std::string& statement) {
    return fact(record_key(key).told.head, statement);
}

std::string count_fact(const Run& run, std::string_view key) {
    const double value = run.last(key);
    return fact_of(key,
                   value >= 0.0 && value < 9e15 ? count_text(static_cast<std::int64_t>(value)) : kAbsentCell);
}

std::string card(const Run& run) {
    std::string facts = fact_of("nuclear_norm", norm_statement(run)) +
                        fact_of("relative_gap", gap_statement(run)) + count_fact(run, "iterations") +
                        count_fact(run, "rank") + fact("The proxy S\u0303", proxy_statement(run));
    const double seconds = run.last("time_s");
    if (!std::isnan(seconds)) facts += fact_of("time_s", duration_text(seconds));
    return "<article class=\"card\">\n<h3><bdi>" + escape_text(run.full_label()) + "</bdi></h3>\n<dl>\n" +
           facts + "</dl>\n</article>\n";
}

}  // namespace

std::string limit_cards(const std::vector<Run>& runs) {
    std::string cards;
    for (const Run& run : runs) {
        if (run.kind == RunKind::limit) cards += card(run);
    }
    if (cards.empty()) return cards;
    return "<h2>The limit <i>L</i><sub>mm</sub></h2>\n"
           "<p>What the low-rank part tends to in direction, with its certificate: any feasible point of the "
           "dual problem bounds the nuclear norm from below, and the point reached bounds it from "
           "above.</p>\n"
           "<div class=\"cards\">\n" +
           cards + "</div>\n";
}

}  // namespace ntpgeo
