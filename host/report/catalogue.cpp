#include "host/report/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "host/report/palette.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

constexpr double kRunLabelWidth = 118.0, kLabelSize = 12.0;
constexpr const char* kSingularValues = "singular_values";
/// The singular values whose lines are labelled; between them the ramp speaks.
constexpr std::array<std::size_t, 5> kLabelledValues = {1, 2, 4, 8, 16};

/// The runs' labels, cut to what fits beside a line and still told apart.
std::vector<std::string> short_labels(const std::vector<Run>& runs) {
    std::vector<std::string> labels;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        std::string label = shorten(runs[i].label, kRunLabelWidth, kLabelSize);
        if (!seen.insert(label).second) {
            label = fmt::format("{} ({})", shorten(runs[i].label, kRunLabelWidth - 26.0, kLabelSize), i + 1);
            seen.insert(label);
        }
        labels.push_back(std::move(label));
    }
    return labels;
}

bool has_point(const std::vector<double>& values, Scale scale) {
    return std::any_of(values.begin(), values.end(),
                       [scale](double value) { return has_place(scale, value); });
}

bool has_value(const std::vector<double>& values) {
    return std::any_of(values.begin(), values.end(), [](double value) { return !std::isnan(value); });
}

/// All columns of a quantity in one run: one, or one a singular value.
std::vector<const std::vector<double>*> columns_of(const Quantity& quantity, const Run& run) {
    std::vector<const std::vector<double>*> columns;
    if (quantity.key == kSingularValues) {
        for (const auto& column : run.singular_values) columns.push_back(&column);
    } else if (const auto* column = run.column(quantity.key)) {
        columns.push_back(column);
    }
    return columns;
}

Chart empty_chart(const FigureKind& kind, const std::vector<Run>& runs) {
    Chart chart;
    chart.id = kind.id;
    chart.title = kind.title;
    chart.unit = kind.unit;
    chart.caption = kind.caption;
    chart.scale = kind.scale;
    chart.from_zero = kind.from_zero;
    for (const Run& run : runs) chart.all_steps.push_back(&run.steps);
    return chart;
}

std::vector<Chart> singular_value_charts(const FigureKind& kind, const std::vector<Run>& runs) {
    double low = std::numeric_limits<double>::infinity(), high = 0.0;
    for (const Run& run : runs) {
        for (const auto& column : run.singular_values) {
            for (const double value : column) {
                if (!has_place(kind.scale, value)) continue;
                low = std::min(low, value);
                high = std::max(high, value);
            }
        }
    }
    std::vector<Chart> charts;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        Chart chart = empty_chart(kind, runs);
        if (runs.size() > 1) {
            chart.id += fmt::format("-{}", r + 1);
            chart.of_run = runs[r].label;
        }
        chart.range = {low, high};
        for (std::size_t k = 0; k < runs[r].singular_values.size(); ++k) {
            if (!has_point(runs[r].singular_values[k], kind.scale)) continue;
            Series series;
            series.run = runs[r].label;
            series.quantity = fmt::format("σ_{{{}}}", k + 1);
            const bool labelled =
                std::find(kLabelledValues.begin(), kLabelledValues.end(), k + 1) != kLabelledValues.end();
            if (labelled || k + 1 == runs[r].singular_values.size()) series.label_quantity = series.quantity;
            series.steps = &runs[r].steps;
            series.values = &runs[r].singular_values[k];
            series.colour = fmt::format("ramp-{}", k);
            chart.series.push_back(std::move(series));
        }
        if (!chart.series.empty()) charts.push_back(std::move(chart));
    }
    return charts;
}

}  // namespace

std::string run_colour(std::size_t index) {
    return std::to_string(index % kSeriesColours);
}

std::vector<Chart> make_charts(const FigureKind& kind, const std::vector<Run>& runs) {
    if (kind.quantities.front().key == kSingularValues) return singular_value_charts(kind, runs);
    Chart chart = empty_chart(kind, runs);
    const std::vector<std::string> labels = short_labels(runs);
    std::vector<const Quantity*> drawn;
    for (const Quantity& quantity : kind.quantities) {
        const bool any = std::any_of(runs.begin(), runs.end(), [&](const Run& run) {
            const auto* column = run.column(quantity.key);
            return column != nullptr && has_point(*column, kind.scale);
        });
        if (any) drawn.push_back(&quantity);
    }
    // Where one quantity of several is there, the title says which, and the lines need not.
    if (kind.quantities.size() > 1 && drawn.size() == 1) chart.unit += ", " + drawn.front()->name;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        for (std::size_t q = 0; q < drawn.size(); ++q) {
            const auto* column = runs[r].column(drawn[q]->key);
            if (column == nullptr || !has_point(*column, kind.scale)) continue;
            Series series;
            series.run = runs[r].label;
            series.steps = &runs[r].steps;
            series.values = column;
            series.dash = q;
            series.colour = run_colour(runs.size() > 1 ? r : q);
            if (drawn.size() > 1) series.quantity = series.label_quantity = drawn[q]->name;
            if (runs.size() > 1) {
                series.label_run = labels[r];
                series.mark = r;
            }
            chart.series.push_back(std::move(series));
        }
    }
    if (chart.series.empty()) return {};
    return {chart};
}

LeftOut left_out(const std::vector<Run>& runs) {
    LeftOut left;
    for (const FigureKind& kind : figure_kinds()) {
        for (const Quantity& quantity : kind.quantities) {
            bool value = false, point = false;
            for (const Run& run : runs) {
                for (const auto* column : columns_of(quantity, run)) {
                    value = value || has_value(*column);
                    point = point || has_point(*column, kind.scale);
                }
            }
            if (point) continue;
            (value ? left.unplaced : left.absent).push_back(html_markup(quantity.full_name));
        }
    }
    return left;
}

}  // namespace ntpgeo
