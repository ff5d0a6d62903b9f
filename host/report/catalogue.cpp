#include "host/report/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "host/report/run_labels.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

constexpr double kNoteSize = 12.0, kNoteWidth = 600.0;

bool is_array(const std::string& key) {
    return key == "singular_values" || key == "direction_strengths";
}

/// Whether line k of an array has its name beside it. Singular values lie in their order, so that a few names
/// and the ramp between them say which is which; the directions' lines cross.
bool is_labelled(const Quantity& quantity, std::size_t k) {
    return quantity.key != "singular_values" || (k & (k - 1)) == 0;
}

Across across_of(Subject subject) {
    switch (subject) {
        case Subject::training:
            return Across::step;
        case Subject::norm:
            return Across::logits_norm;
        case Subject::path:
            return Across::lambda;
        case Subject::limit:
            return Across::iterations;
    }
    return Across::step;
}

const char* across_key(Subject subject) {
    constexpr std::array kNames = {"step", "logits_norm", "lambda", "iterations"};
    return kNames[static_cast<std::size_t>(subject)];
}

/// Whether a run's records make a line of a figure of this subject.
bool has_line(Subject subject, const Run& run) {
    switch (subject) {
        case Subject::training:
            return run.kind == RunKind::training;
        case Subject::norm:
            return run.kind != RunKind::limit;
        case Subject::path:
            return run.kind == RunKind::path;
        case Subject::limit:
            return run.kind == RunKind::limit;
    }
    return false;
}

/// Whether the last stage of a training run had λ as adamw's decay, which is no part of its objective.
bool ends_with_decay(const Run& run) {
    const auto stages = run.config.find("stages");
    return stages != run.config.end() && stages->is_array() && !stages->empty() &&
           stages->back().is_object() && stages->back().value("optimizer", nlohmann::json()) == "adamw";
}

/// Whether a training run's last record is a point beside the paths.
bool has_end_point(Subject subject, const Run& run) {
    return subject == Subject::path && run.kind == RunKind::training && run.last("lambda") > 0.0 &&
           !ends_with_decay(run);
}

/// All columns of a quantity in one run: none, one, or those of an array.
std::vector<const std::vector<double>*> columns_of(const Quantity& quantity, const Run& run) {
    std::vector<const std::vector<double>*> columns;
    if (is_array(quantity.key)) {
        for (const auto& column : run.array(quantity.key)) columns.push_back(&column);
    } else if (const auto* column = run.column(quantity.key)) {
        columns.push_back(column);
    }
    return columns;
}

HorizontalAxis make_axis(Subject subject, const std::vector<Run>& runs) {
    std::vector<double> occurring;
    for (const Run& run : runs) {
        const auto* column = run.column(across_key(subject));
        if (column != nullptr && has_line(subject, run)) {
            occurring.insert(occurring.end(), column->begin(), column->end());
        } else if (has_end_point(subject, run)) {
            occurring.push_back(run.last("lambda"));
        }
    }
    return {across_of(subject), occurring};
}

Chart empty_chart(const FigureKind& kind, const std::vector<Run>& runs) {
    return {.id = kind.id,
            .title = kind.title,
            .of_run = "",
            .unit = kind.unit,
            .caption = kind.caption,
            .scale = kind.scale,
            .from_zero = kind.from_zero,
            .occasional = kind.occasional,
            .range = std::nullopt,
            .across = make_axis(kind.subject, runs),
            .series = {},
            .notes = {}};
}

bool has_point(const Chart& chart, const Series& series) {
    for (std::size_t i = 0; i < series.values.size(); ++i) {
        if (has_point(chart, series, i)) return true;
    }
    return false;
}

/// The line, or the end point, of one column; without values where the figure has no place for the run.
Series make_series(const FigureKind& kind, const Run& run, const std::vector<double>& column) {
    Series series;
    series.run = run.full_label();
    if (has_line(kind.subject, run)) {
        const auto* across = run.column(across_key(kind.subject));
        if (across == nullptr) return series;
        series.across = *across;
        series.values = column;
        series.marks_every_point = run.kind == RunKind::path;
    } else if (has_end_point(kind.subject, run)) {
        series.across = {run.last("lambda")};
        series.values = {column.back()};
        series.marks_every_point = true;
    }
    return series;
}

/// One chart a run, a line each column of the array, in the ramp's tones; all share the range of values.
std::vector<Chart> array_charts(const FigureKind& kind, const std::vector<Run>& runs) {
    const Quantity& quantity = kind.quantities.front();
    std::vector<Chart> charts;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    std::size_t eligible = 0;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        if (!has_line(kind.subject, runs[r])) continue;
        ++eligible;
        Chart chart = empty_chart(kind, runs);
        chart.of_run = runs[r].full_label();
        chart.id += fmt::format("-{}", r + 1);
        const auto& columns = runs[r].array(quantity.key);
        for (std::size_t k = 0; k < columns.size(); ++k) {
            Series series = make_series(kind, runs[r], columns[k]);
            if (!has_point(chart, series)) continue;
            series.quantity = fmt::format("{}_{{{}}}", quantity.name, k + 1);
            if (is_labelled(quantity, k + 1) || k + 1 == columns.size())
                series.label_quantity = series.quantity;
            series.colour = fmt::format("ramp-{}", k);
            series.marks_every_point = false;
            for (std::size_t i = 0; i < series.values.size(); ++i) {
                if (!has_point(chart, series, i)) continue;
                low = std::min(low, series.values[i]);
                high = std::max(high, series.values[i]);
            }
            chart.series.push_back(std::move(series));
        }
        if (!chart.series.empty()) charts.push_back(std::move(chart));
    }
    for (Chart& chart : charts) {
        chart.range = {low, high};
        if (eligible > 1) continue;
        chart.id = kind.id;
        chart.of_run.clear();
    }
    return charts;
}

/// How bounds were made at the records of the shown runs, as one HTML sentence; empty where no record says.
std::string gap_kind_note(const std::vector<Run>& runs, const std::set<std::size_t>& shown) {
    std::vector<std::string> kinds;
    for (const std::size_t r : shown) {
        for (const std::string& kind : runs[r].gap_kinds) {
            if (!kind.empty() && std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
                kinds.push_back(kind);
        }
    }
    std::string note;
    for (const std::string& kind : kinds) {
        note += note.empty() ? "How the bounds were made: " : "; ";
        note += escape_text(shorten(kind, kNoteWidth, kNoteSize));
    }
    return note.empty() ? note : note + ".";
}

}  // namespace

std::vector<Chart> make_charts(const FigureKind& kind, const std::vector<Run>& runs) {
    if (is_array(kind.quantities.front().key)) return array_charts(kind, runs);
    struct Line {
        std::size_t run;
        const Quantity* quantity;
        Series series;
    };
    Chart chart = empty_chart(kind, runs);
    std::vector<Line> lines;
    std::set<const Quantity*> drawn;
    std::set<std::size_t> shown;
    bool any_line = false;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        for (const Quantity& quantity : kind.quantities) {
            const auto* column = runs[r].column(quantity.key);
            if (column == nullptr) continue;
            Series series = make_series(kind, runs[r], *column);
            if (!has_point(chart, series)) continue;
            any_line = any_line || has_line(kind.subject, runs[r]);
            drawn.insert(&quantity);
            shown.insert(r);
            lines.push_back({r, &quantity, std::move(series)});
        }
    }
    if (!any_line) return {};
    // Where one quantity of several is there, the title says which, and the lines need not.
    if (kind.quantities.size() > 1 && drawn.size() == 1) chart.unit += ", " + (*drawn.begin())->name;
    const std::vector<std::string> labels = short_labels(runs);
    for (Line& line : lines) {
        Series& series = line.series;
        const auto before = static_cast<std::size_t>(std::distance(drawn.begin(), drawn.find(line.quantity)));
        const std::size_t number = run_number(runs, line.run);
        series.dash = before;
        series.colour = run_colour(shown.size() > 1 ? number : number + before);
        if (drawn.size() > 1) series.quantity = series.label_quantity = line.quantity->name;
        if (shown.size() > 1) series.label_run = labels[line.run];
        if (shown.size() > 1 || series.marks_every_point) series.mark = number;
        chart.series.push_back(std::move(series));
    }
    if (kind.quantities.front().key == "relative_gap") {
        const std::string note = gap_kind_note(runs, shown);
        if (!note.empty()) chart.notes.push_back(note);
    }
    return {std::move(chart)};
}

LeftOut left_out(const std::vector<Run>& runs) {
    enum class State { absent, unplaced, drawn };
    std::vector<std::pair<std::string, State>> quantities;  // in the order of their first figure
    for (const FigureKind& kind : figure_kinds()) {
        for (const Quantity& quantity : kind.quantities) {
            bool concerns = false;
            State state = State::absent;
            for (const Run& run : runs) {
                if (!has_line(kind.subject, run)) continue;
                concerns = true;
                for (const auto* column : columns_of(quantity, run)) {
                    for (const double value : *column) {
                        if (std::isnan(value)) continue;
                        state =
                            std::max(state, has_place(kind.scale, value) ? State::drawn : State::unplaced);
                    }
                }
            }
            if (!concerns) continue;
            auto same = std::find_if(quantities.begin(), quantities.end(),
                                     [&](const auto& other) { return other.first == quantity.full_name; });
            if (same == quantities.end())
                same = quantities.insert(quantities.end(), {quantity.full_name, state});
            same->second = std::max(same->second, state);
        }
    }
    LeftOut left;
    for (const auto& [name, state] : quantities) {
        if (state == State::drawn) continue;
        (state == State::absent ? left.absent : left.unplaced).push_back(html_markup(name));
    }
    return left;
}

}  // namespace ntpgeo
