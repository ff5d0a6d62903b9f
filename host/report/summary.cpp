#include "host/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <optional>

#include "engine/exact/limit.hpp"
#include "host/report/run_table.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

/// One setting of all stages in order, equal neighbours once: "adam → lbfgs".
template <class Text>
std::string over_stages(const Run& run, Text text) {
    std::string joined, last;
    if (run.settings.stages) {
        for (const StageSettings& stage : *run.settings.stages) {
            std::string now = text(stage);
            if (now == last) continue;
            joined += (joined.empty() ? "" : " → ") + now;
            last = std::move(now);
        }
    }
    return joined.empty() ? kAbsentCell : joined;
}

std::string learning_rate(const StageSettings& stage) {
    std::string rate = setting(stage.lr);
    const auto* schedule = std::get_if<std::string>(&stage.lr_schedule);
    if (schedule != nullptr && *schedule != "constant")
        rate += fmt::format(" {}", setting(stage.lr_schedule));
    return rate;
}

std::string total_steps(const Run& run) {
    double total = 0.0;
    if (!run.settings.stages) return kAbsentCell;
    for (const StageSettings& stage : *run.settings.stages) {
        const std::optional<double> steps = number_in(stage.steps);
        if (!steps) return kAbsentCell;
        total += *steps;
    }
    return total >= 0.0 && total < 9e15 ? count_text(static_cast<std::int64_t>(total)) : kAbsentCell;
}

std::string precision(const Run& run) {
    std::string products =
        over_stages(run, [](const StageSettings& stage) { return setting(stage.precision); });
    const std::string master = setting(run.settings.master);
    if (master == kAbsentCell || master == products) return products;
    return products + ", master " + master;
}

std::string data_set(const Run& run) {
    std::string named = setting(run.settings.data_source);
    if (named == kAbsentCell && !run.settings.data_path.empty()) named = escape_text(run.settings.data_path);
    return run.data_set.empty() ? named : escape_text(run.data_set) + " (" + named + ")";
}

std::string entropy_cell(const Run& run) {
    const double last = run.last("entropy");
    return figure_cell(std::isnan(last) ? number_in(run.settings.entropy).value_or(last) : last,
                       record_key("entropy").told.digits);
}

std::string time(const Run& run) {
    const double seconds = run.last("time_s");
    return std::isnan(seconds) ? std::string(kAbsentCell) : duration_text(seconds);
}

/// The greatest of a column that is not null; NaN where there is none.
double greatest(const Run& run, std::string_view key) {
    double found = std::numeric_limits<double>::quiet_NaN();
    if (const auto* column = run.column(key)) {
        for (const double value : *column) found = std::fmax(found, value);
    }
    return found;
}

std::string lambda_range(const Run& run) {
    const std::vector<double>& lambdas = *run.column("lambda");
    const int digits = record_key("lambda").told.digits;
    const std::string least = figure_cell(lambdas.back(), digits);
    return run.records == 1 ? least : figure_cell(lambdas.front(), digits) + " … " + least;
}

TableColumn from_settings(const std::string& head, std::string_view kind,
                          ConfigValue ShownSettings::*member) {
    return {head, kind, [member](const Run& run) { return setting(run.settings.*member); }};
}

TableColumn from_stages(const std::string& head, ConfigValue StageSettings::*member) {
    return {head, kWordCell, [member](const Run& run) {
                return over_stages(run,
                                   [member](const StageSettings& stage) { return setting(stage.*member); });
            }};
}

/// The head of a key's column, as the table of figures has it.
std::string head_of(std::string_view key) {
    return std::string(record_key(key).told.head);
}

TableColumn from_record(std::string_view key, const std::string& suffix = "") {
    return {head_of(key) + suffix, kNumberCell,
            [key](const Run& run) { return figure_cell(run.last(key), record_key(key).told.digits); }};
}

std::vector<std::size_t> of_kind(const std::vector<Run>& runs, std::initializer_list<RunKind> kinds) {
    std::vector<std::size_t> indices;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        if (std::find(kinds.begin(), kinds.end(), runs[r].kind) != kinds.end()) indices.push_back(r);
    }
    return indices;
}

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
    if (const std::optional<double> tolerance = number_in(run.settings.tolerance))
        text += fmt::format(", {} the tolerance {}", gap <= *tolerance ? "within" : "above",
                            setting(run.settings.tolerance));
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

std::string summary_tables(const std::vector<Run>& runs) {
    const std::vector<TableColumn> data = {
        {"Data set", kTextCell, data_set},
        from_settings("Words <i>V</i>", kNumberCell, &ShownSettings::vocab_size),
        from_settings("Contexts <i>m</i>", kNumberCell, &ShownSettings::contexts),
        from_settings("Support entries", kNumberCell, &ShownSettings::nnz),
        {head_of("entropy"), kNumberCell, entropy_cell},
    };
    const std::vector<TableColumn> training = {
        from_settings("Dimension <i>d</i>", kNumberCell, &ShownSettings::dim),
        from_stages("Optimizer", &StageSettings::optimizer),
        {"Learning rate", kWordCell, [](const Run& run) { return over_stages(run, learning_rate); }},
        from_stages(head_of("lambda"), &StageSettings::lambda),
        {"Precision", kWordCell, precision},
        from_settings("Device", kWordCell, &ShownSettings::device),
        {"Steps", kNumberCell, total_steps},
    };
    const std::vector<TableColumn> standing = {
        {"Step", kNumberCell,
         [](const Run& run) { return count_text(static_cast<std::int64_t>(run.last("step"))); }},
        from_record("excess_loss"),
        from_record("dominance"),
        from_record("alignment_proxy"),
        from_record("alignment_limit"),
        from_record("collapse"),
        from_record("min_margin"),
        {head_of("time_s"), kNumberCell, time},
    };
    const std::vector<TableColumn> path = {
        {head_of("lambda"), kWordCell, lambda_range},
        {"Points", kNumberCell,
         [](const Run& run) { return count_text(static_cast<std::int64_t>(run.records)); }},
        {"Greatest gap", kNumberCell,
         [](const Run& run) {
             const int digits = record_key("relative_gap").told.digits;
             return figure_cell(rounded_up(greatest(run, "relative_gap"), digits), digits);
         }},
        from_record("rank", " at the last <i>λ</i>"),
        from_record("excess_loss"),
        from_record("dominance"),
        from_record("alignment_proxy"),
        from_record("alignment_limit"),
        from_record("collapse"),
    };
    const std::vector<std::size_t> trained = of_kind(runs, {RunKind::training});
    return run_table("Data", runs, of_kind(runs, {RunKind::training, RunKind::path, RunKind::limit}), data) +
           run_table("Training", runs, trained, training) +
           run_table("At the last record", runs, trained, standing) +
           run_table("The regularization path: certificates, and figures at the last λ", runs,
                     of_kind(runs, {RunKind::path}), path);
}

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
