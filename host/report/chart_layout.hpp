// Where everything of a chart stands: its frame, the points of its lines, the labels at their ends.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "host/report/chart.hpp"
#include "host/report/svg.hpp"

namespace ntpgeo {

/// The size of labels and of the words below an axis.
inline constexpr double kLabelSize = 12.0, kTickSize = 11.5;
inline constexpr double kLabelHeight = 14.5, kLeader = 14.0;
inline constexpr double kChartWidth = 520.0;

/// Where the plot lies in the picture.
struct Frame {
    double left, right, top, bottom;

    [[nodiscard]] double x(double position) const { return left + position * (right - left); }
    [[nodiscard]] double y(double position) const { return bottom - position * (bottom - top); }
};

/// The frame of a chart over this axis: as wide as ticks and labels leave it, and high enough for the labels.
Frame frame_of(const Chart& chart, const Axis& values);

/// The least and the greatest value that the vertical axis must hold.
std::pair<double, double> value_range(const Chart& chart);

/// What stands between run and quantity in a label.
std::string_view label_joint(const Series& series);

/// The most points drawn of one series.
inline constexpr std::size_t kPointsASeries = 400;

/// Which points of a series to draw: all of those whose value is not NaN where they are at most `limit` (≥
/// 4); else, in each of limit/4 equal intervals of the axis, the first, the last, the least and the greatest.
/// Ascending indices. `positions` [n] ascending, in [0, 1]; `values` [n].
std::vector<std::size_t> thin(std::span<const double> positions, std::span<const double> values,
                              std::size_t limit = kPointsASeries);

/// A series in the picture: the strokes of its line, its lone points, and all drawn points in order.
struct Trace {
    std::vector<std::vector<SvgWriter::Point>> strokes;
    std::vector<SvgWriter::Point> lone, drawn;
};

/// The points of a series in the frame, and in `tally` what became of its records.
Trace trace(const Chart& chart, const Series& series, const Frame& frame, const Axis& values, Tally& tally);

/// Vertical positions of labels of height `height` that wish to stand at `wanted`, moved as little as
/// possible (least squares) so that none overlap and all lie within [top, bottom]. Where they cannot all fit
/// they overlap evenly. Labels that wish for the same place keep their order.
std::vector<double> place_labels(const std::vector<double>& wanted, double height, double top, double bottom);

}  // namespace ntpgeo
