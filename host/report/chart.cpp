#include "host/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/report/chart_layout.hpp"
#include "host/report/svg.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

using Point = SvgWriter::Point;

constexpr double kBottom = 42.0;
constexpr int kMarks = 4, kLabels = 8;
/// More points than this touch one another, and are marked here and there.
constexpr std::size_t kMostPoints = 60;

void draw_axes(SvgWriter& svg, const Chart& chart, const Frame& frame, const Axis& values) {
    for (const Tick& tick : values.ticks()) {
        const double y = frame.y(tick.position);
        if (tick.label.empty()) {
            svg.line({frame.left - 3.0, y}, {frame.left, y}, "axis");
            continue;
        }
        svg.line({frame.left, y}, {frame.right, y}, "grid");
        svg.line({frame.left - 5.0, y}, {frame.left, y}, "axis");
        svg.text({frame.left - 8.0, y + 4.0}, Anchor::end, "tick", svg_markup(tick.label, kTickSize));
    }
    for (const Tick& tick : chart.across.ticks()) {
        const double x = frame.x(tick.position);
        if (!tick.label.empty()) svg.line({x, frame.top}, {x, frame.bottom}, "grid");
    }
    for (const Tick& tick : chart.across.ticks()) {
        const double x = frame.x(tick.position);
        svg.line({x, frame.bottom}, {x, frame.bottom + (tick.label.empty() ? 3.0 : 5.0)}, "axis");
        if (tick.label.empty()) continue;
        svg.text({x, frame.bottom + 18.0}, Anchor::middle, "tick", svg_markup(tick.label, kTickSize));
    }
    const double zero = values.position(0.0);
    if (chart.scale == Scale::linear && zero > 0.0 && zero < 1.0) {
        svg.line({frame.left, frame.y(zero)}, {frame.right, frame.y(zero)}, "zero");
    }
    svg.line({frame.left, frame.top}, {frame.left, frame.bottom}, "axis");
    svg.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, "axis");
    if (const auto broken = chart.across.break_position()) {
        const double x = frame.x(*broken), y = frame.bottom;
        svg.rectangle({x - 2.0, y - 2.0}, 4.0, 4.0, "paper");
        svg.line({x - 4.0, y + 4.0}, {x, y - 4.0}, "axis");
        svg.line({x, y + 4.0}, {x + 4.0, y - 4.0}, "axis");
    }
    svg.text({0.5 * (frame.left + frame.right), frame.bottom + 35.0}, Anchor::middle, "quiet",
             svg_markup(chart.across.name(), kLabelSize));
}

void draw_marks(SvgWriter& svg, const Series& series, const Trace& line, const Frame& frame,
                bool is_ordered) {
    const std::string classes = "mark fill-" + series.colour;
    const std::size_t shape = series.mark.value_or(0);
    if (series.marks_every_point && line.drawn.size() <= kMostPoints) {
        for (const Point& point : line.drawn) svg.mark(point, shape, 3.2, classes);
        return;
    }
    for (const Point& point : line.lone) svg.mark(point, shape, 3.2, classes);
    if (!series.mark) return;
    // A few marks along the line, at places that differ from run to run.
    for (int k = 0; k < kMarks; ++k) {
        const double share = (k + 0.25 + 0.125 * static_cast<double>(shape % 6)) / kMarks;
        if (!is_ordered) {
            const double last = static_cast<double>(line.drawn.size() - 1);
            svg.mark(line.drawn[static_cast<std::size_t>(share * last)], shape, 3.4, classes);
            continue;
        }
        const double x = frame.x(share);
        if (x > line.drawn.back().first) break;
        const auto nearest = std::min_element(line.drawn.begin(), line.drawn.end(), [x](auto& a, auto& b) {
            return std::abs(a.first - x) < std::abs(b.first - x);
        });
        if (std::abs(nearest->first - x) < 12.0) svg.mark(*nearest, shape, 3.4, classes);
    }
    svg.mark(line.drawn.back(), shape, 3.4, classes);
}

void draw_labels(SvgWriter& svg, const Chart& chart, const std::vector<Trace>& traces, const Frame& frame) {
    std::vector<std::size_t> labelled;
    std::vector<double> wanted;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        if (!chart.series[i].labelled()) continue;
        labelled.push_back(i);
        wanted.push_back(traces[i].drawn.back().second);
    }
    const std::vector<double> placed =
        place_labels(wanted, kLabelHeight, frame.top + 4.0, frame.bottom - 4.0);
    for (std::size_t k = 0; k < labelled.size(); ++k) {
        const Series& series = chart.series[labelled[k]];
        const Point end = traces[labelled[k]].drawn.back();
        const double x = frame.right + kLeader;
        const bool displaced = std::abs(placed[k] - end.second) > 2.0 || frame.right - end.first > 12.0;
        if (displaced) {
            svg.strokes(
                {{{end.first + 4.0, end.second}, {frame.right + 1.0, end.second}, {x - 2.0, placed[k]}}},
                "leader stroke-" + series.colour);
        }
        const std::string label = escape_text(series.label_run) + std::string(label_joint(series)) +
                                  svg_markup(series.label_quantity, kLabelSize);
        svg.text({x, placed[k] + 4.0}, Anchor::start, "text-" + series.colour, label);
    }
}

}  // namespace

Drawing draw_chart(const Chart& chart) {
    const auto [low, high] = value_range(chart);
    const Axis values(chart.scale, low, high, kLabels);
    const Frame frame = frame_of(chart, values);

    SvgWriter svg;
    std::string title = svg_markup(chart.title, 13.5);
    if (!chart.of_run.empty()) title += ", " + escape_text(shorten(chart.of_run, 160.0, 13.5));
    svg.text(
        {1.0, 17.0}, Anchor::start, "title",
        title + fmt::format("<tspan class=\"quiet\" dx=\"10\">{}</tspan>", svg_markup(chart.unit, 12.0)));
    draw_axes(svg, chart, frame, values);

    Drawing drawing;
    std::vector<Trace> traces;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        drawing.tallies.push_back({.series = i});
        traces.push_back(trace(chart, chart.series[i], frame, values, drawing.tallies.back()));
    }
    // The first series lies on top: of a ramp it is the strongest, of several runs the first named.
    for (std::size_t i = chart.series.size(); i-- > 0;) {
        const Series& series = chart.series[i];
        svg.strokes(traces[i].strokes, fmt::format("curve stroke-{} dash-{}", series.colour, series.dash));
        draw_marks(svg, series, traces[i], frame, chart.across.is_ordered());
    }
    draw_labels(svg, chart, traces, frame);

    drawing.elements = svg.str();
    drawing.width = kChartWidth;
    drawing.height = frame.bottom + kBottom;
    return drawing;
}

}  // namespace ntpgeo
