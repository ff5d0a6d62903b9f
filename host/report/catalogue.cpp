#include "host/report/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "host/report/run_table.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

constexpr double kNoteSize = 12.0, kNoteWidth = 600.0;

bool is_list(const RecordKey& key) {
    return key.kind == ValueKind::numbers;
}

/// Whether line k of a list has its name beside it. Where the lines lie in their order, a few names and the
/// ramp between them say which is which; others cross.
bool is_labelled(const RecordKey& key, std::size_t k) {
    return !key.drawn.descending || (k & (k - 1)) == 0;
}

/// Whether a run's records make a line over this axis.
bool has_line(Across across, const Run& run) {
    switch (across) {
        case Across::step:
            return run.kind == RunKind::training;
        case Across::logits_norm:
            return run.kind != RunKind::limit;
        case Across::lambda:
            return run.kind == RunKind::path;
        case Across::iterations:
            return run.kind == RunKind::limit;
    }
    return false;
}

/// Whether the last stage of a training run had λ as adamw's decay, which is no part of its objective.
bool ends_with_decay(const Run& run) {
    const auto& stages = run.settings.stages;
    return stages && !stages->empty() && text_in(stages->back().optimizer) == "adamw";
}

/// Whether a training run's last record is a point beside the paths.
bool has_end_point(Across across, const Run& run) {
    return across == Across::lambda && run.kind == RunKind::training && run.last("lambda") > 0.0 &&
           !ends_with_decay(run);
}

/// All columns of a key in one run: none, one, or those of a list.
std::vector<const std::vector<double>*> columns_of(const RecordKey& key, const Run& run) {
    std::vector<const std::vector<double>*> columns;
    if (is_list(key)) {
        for (const auto& column : run.array(key.name)) columns.push_back(&column);
    } else if (const auto* column = run.column(key.name)) {
        columns.push_back(column);
    }
    return columns;
}

HorizontalAxis make_axis(Across across, const std::vector<Run>& runs) {
    std::vector<double> occurring;
    for (const Run& run : runs) {
        const auto* column = has_line(across, run) ? run.column(across_key(across)) : nullptr;
        if (column != nullptr) {
            occurring.insert(occurring.end(), column->begin(), column->end());
        } else if (has_end_point(across, run)) {
            occurring.push_back(run.last("lambda"));
        }
    }
    return {across, occurring};
}

Chart empty_chart(const FigureKind& kind, const std::vector<Run>& runs) {
    return {.id = std::string(kind.id),
            .title = std::string(kind.title),
            .of_run = "",
            .unit = std::string(kind.unit),
            .caption = std::string(kind.caption),
            .scale = kind.scale,
            .from_zero = kind.from_zero,
            .occasional = kind.occasional,
            .range = std::nullopt,
            .across = make_axis(kind.across, runs),
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
    if (has_line(kind.across, run)) {
        const auto* across = run.column(across_key(kind.across));
        if (across == nullptr) return series;
        series.across = *across;
        series.values = column;
        series.marks_every_point = run.kind == RunKind::path;
    } else if (has_end_point(kind.across, run)) {
        series.across = {run.last("lambda")};
        series.values = {column.back()};
        series.marks_every_point = true;
    }
    return series;
}

/// A sentence of HTML about the runs that a figure has a place for and no value of; empty without any.
std::string without_value(const FigureKind& kind, const std::vector<Run>& runs,
                          const std::set<std::size_t>& shown) {
    std::string names;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        if (shown.count(r) > 0 || !(has_line(kind.across, runs[r]) || has_end_point(kind.across, runs[r])))
            continue;
        names += (names.empty() ? "" : "; ") + isolated_name(runs[r].full_label());
    }
    return names.empty() ? names
                         : "Not drawn, since no record has a value that the axes can place: " + names + ".";
}

/// One chart a run, a line each column of the list, in the ramp's tones; all share the range of values.
std::vector<Chart> list_charts(const FigureKind& kind, const std::vector<Run>& runs,
                               const std::vector<std::vector<double>>& support_values) {
    const RecordKey& key = record_key(kind.keys.front());
    std::vector<Chart> charts;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    std::size_t eligible = 0;
    std::set<std::size_t> shown;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        if (!has_line(kind.across, runs[r])) continue;
        ++eligible;
        Chart chart = empty_chart(kind, runs);
        chart.of_run = runs[r].full_label();
        chart.id += fmt::format("-{}", r + 1);
        const auto& columns = runs[r].array(key.name);
        for (std::size_t k = 0; k < columns.size(); ++k) {
            Series series = make_series(kind, runs[r], columns[k]);
            if (!has_point(chart, series)) continue;
            series.quantity = fmt::format("{}_{{{}}}", key.drawn.line, k + 1);
            if (is_labelled(key, k + 1) || k + 1 == columns.size()) series.label_quantity = series.quantity;
            series.colour = fmt::format("ramp-{}", k);
            series.marks_every_point = false;
            for (std::size_t i = 0; i < series.values.size(); ++i) {
                if (!has_point(chart, series, i)) continue;
                low = std::min(low, series.values[i]);
                high = std::max(high, series.values[i]);
            }
            chart.series.push_back(std::move(series));
        }
        if (chart.series.empty()) continue;
        if (kind.ranked)
            chart.caption +=
                ranking_words(columns, r < support_values.size() ? support_values[r] : std::vector<double>());
        shown.insert(r);
        charts.push_back(std::move(chart));
    }
    if (const std::string note = without_value(kind, runs, shown); !charts.empty() && !note.empty())
        charts.back().notes.push_back(note);
    for (Chart& chart : charts) {
        chart.range = {low, high};
        if (eligible > 1) continue;
        chart.id = kind.id;
        chart.of_run.clear();
    }
    return charts;
}

/// How bounds were made at the records of the shown runs, by the texts under `told_by`, as one HTML sentence;
/// empty where no record says.
std::string bounds_note(std::string_view told_by, const std::vector<Run>& runs,
                        const std::set<std::size_t>& shown) {
    std::vector<std::string> kinds;
    for (const std::size_t r : shown) {
        for (const std::string& kind : runs[r].texts(told_by)) {
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

std::vector<Chart> make_charts(const FigureKind& kind, const std::vector<Run>& runs,
                               const std::vector<std::vector<double>>& support_values) {
    if (is_list(record_key(kind.keys.front()))) return list_charts(kind, runs, support_values);
    struct Line {
        std::size_t run;
        const RecordKey* key;
        Series series;
    };
    Chart chart = empty_chart(kind, runs);
    std::vector<Line> lines;
    std::vector<const RecordKey*> drawn;  // in the order of the figure
    std::set<std::size_t> shown;
    bool any_line = false;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        for (const std::string_view name : kind.keys) {
            const auto* column = runs[r].column(name);
            if (column == nullptr) continue;
            Series series = make_series(kind, runs[r], *column);
            if (!has_point(chart, series)) continue;
            any_line = any_line || has_line(kind.across, runs[r]);
            shown.insert(r);
            lines.push_back({r, &record_key(name), std::move(series)});
        }
    }
    if (!any_line) return {};
    for (const std::string_view name : kind.keys) {
        const auto* key = &record_key(name);
        if (std::any_of(lines.begin(), lines.end(), [&](const Line& line) { return line.key == key; }))
            drawn.push_back(key);
    }
    // Where one quantity of several is there, the title says which, and the lines need not.
    if (kind.keys.size() > 1 && drawn.size() == 1) chart.unit.append(", ").append(drawn.front()->drawn.line);
    const std::vector<std::string> labels = short_labels(runs);
    for (Line& line : lines) {
        Series& series = line.series;
        const auto before = static_cast<std::size_t>(
            std::distance(drawn.begin(), std::find(drawn.begin(), drawn.end(), line.key)));
        const std::size_t number = run_number(runs, line.run);
        series.dash = before;
        series.colour = run_colour(shown.size() > 1 ? number : number + before);
        if (drawn.size() > 1) series.quantity = series.label_quantity = line.key->drawn.line;
        if (shown.size() > 1) series.label_run = labels[line.run];
        if (shown.size() > 1 || series.marks_every_point) series.mark = number;
        chart.series.push_back(std::move(series));
    }
    for (const RecordKey* key : drawn) {
        if (key->drawn.told_by.empty()) continue;
        const std::string note = bounds_note(key->drawn.told_by, runs, shown);
        if (!note.empty()) chart.notes.push_back(note);
    }
    if (const std::string note = without_value(kind, runs, shown); !note.empty()) chart.notes.push_back(note);
    return {std::move(chart)};
}

LeftOut left_out(const std::vector<Run>& runs) {
    enum class State { absent, unplaced, drawn };
    std::vector<std::pair<std::string_view, State>> names;  // in the order of their first figure
    for (const FigureKind& kind : figure_kinds()) {
        for (const std::string_view name : kind.keys) {
            const RecordKey& key = record_key(name);
            bool concerns = false;
            State state = State::absent;
            for (const Run& run : runs) {
                if (!has_line(kind.across, run)) continue;
                concerns = true;
                for (const auto* column : columns_of(key, run)) {
                    for (const double value : *column) {
                        if (std::isnan(value)) continue;
                        state =
                            std::max(state, has_place(kind.scale, value) ? State::drawn : State::unplaced);
                    }
                }
            }
            if (!concerns) continue;
            const std::string_view full_name = kind.full_name.empty() ? key.drawn.full_name : kind.full_name;
            auto same = std::find_if(names.begin(), names.end(),
                                     [&](const auto& other) { return other.first == full_name; });
            if (same == names.end()) same = names.insert(names.end(), {full_name, state});
            same->second = std::max(same->second, state);
        }
    }
    LeftOut left;
    for (const auto& [name, state] : names) {
        if (state == State::drawn) continue;
        (state == State::absent ? left.absent : left.unplaced).push_back(html_markup(name));
    }
    return left;
}

}  // namespace ntpgeo
