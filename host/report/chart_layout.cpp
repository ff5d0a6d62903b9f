#include "host/report/chart_layout.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

using Point = SvgWriter::Point;

/// So that plots beside and below one another begin at one line.
constexpr double kLeastTickWidth = 30.0;
constexpr double kTop = 40.0, kPlotHeight = 232.0;

}  // namespace

bool has_point(const Chart& chart, const Series& series, std::size_t i) {
    return has_place(chart.scale, series.values[i]) && !std::isnan(chart.across.position(series.across[i]));
}

std::pair<double, double> value_range(const Chart& chart) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Series& series : chart.series) {
        for (std::size_t i = 0; i < series.values.size(); ++i) {
            if (!has_point(chart, series, i)) continue;
            low = std::min(low, series.values[i]);
            high = std::max(high, series.values[i]);
        }
    }
    if (chart.range) std::tie(low, high) = *chart.range;
    if (chart.from_zero && low > 0.0) low = 0.0;
    return {low, high};
}

std::string_view label_joint(const Series& series) {
    return series.label_run.empty() || series.label_quantity.empty() ? "" : " · ";
}

Frame frame_of(const Chart& chart, const Axis& values) {
    double tick_width = 0.0, label_width = 0.0;
    std::size_t labels = 0;
    for (const Tick& tick : values.ticks())
        tick_width = std::max(tick_width, text_width(tick.label, kTickSize));
    for (const Series& series : chart.series) {
        if (!series.labelled()) continue;
        label_width = std::max(label_width, text_width(series.label_run, kLabelSize) +
                                                text_width(label_joint(series), kLabelSize) +
                                                text_width(series.label_quantity, kLabelSize));
        ++labels;
    }
    const double right_margin = labels > 0 ? label_width + kLeader + 8.0 : 14.0;
    // The picture grows where the labels of many series need the height.
    const double height = std::max(kPlotHeight, kLabelHeight * static_cast<double>(labels));
    return {std::max(tick_width, kLeastTickWidth) + 12.0, kChartWidth - right_margin, kTop, kTop + height};
}

std::vector<std::size_t> thin(std::span<const double> positions, std::span<const double> values,
                              std::size_t limit) {
    std::vector<std::size_t> present;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isnan(values[i])) present.push_back(i);
    }
    if (present.size() <= limit) return present;

    const std::size_t intervals = limit / 4;
    const auto interval_of = [&](std::size_t i) {
        const auto interval = static_cast<std::size_t>(positions[i] * static_cast<double>(intervals));
        return std::min(interval, intervals - 1);  // position 1 belongs to the last interval
    };
    std::vector<std::size_t> kept;
    for (auto begin = present.begin(); begin != present.end();) {
        const std::size_t interval = interval_of(*begin);
        const auto end =
            std::find_if(begin, present.end(), [&](std::size_t i) { return interval_of(i) != interval; });
        const auto [least, greatest] = std::minmax_element(
            begin, end, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
        std::vector<std::size_t> chosen = {*begin, *(end - 1), *least, *greatest};
        std::sort(chosen.begin(), chosen.end());
        chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
        kept.insert(kept.end(), chosen.begin(), chosen.end());
        begin = end;
    }
    return kept;
}

Trace trace(const Chart& chart, const Series& series, const Frame& frame, const Axis& values, Tally& tally) {
    const std::size_t records = series.values.size();
    std::vector<double> across(records), along(records), places(records);
    std::vector<std::size_t> absent_before(records + 1, 0);
    tally.records = records;
    for (std::size_t i = 0; i < records; ++i) {
        const bool absent = !has_point(chart, series, i);
        across[i] = chart.across.position(series.across[i]);
        along[i] = absent ? std::numeric_limits<double>::quiet_NaN() : values.position(series.values[i]);
        // A curve that runs to and fro is thinned along its records, since no place orders them.
        places[i] =
            chart.across.is_ordered() ? across[i] : static_cast<double>(i) / static_cast<double>(records);
        absent_before[i + 1] = absent_before[i] + (absent ? 1 : 0);
        if (std::isnan(series.values[i]) || std::isnan(series.across[i])) {
            ++tally.missing;
        } else if (absent) {
            ++tally.unplaced;
        }
    }
    const std::vector<std::size_t> kept = thin(places, along);
    tally.drawn = kept.size();

    Trace result;
    std::vector<Point> stroke;
    const auto finish = [&] {
        if (stroke.size() == 1) result.lone.push_back(stroke.front());
        if (stroke.size() > 1) result.strokes.push_back(std::move(stroke));
        stroke.clear();
    };
    for (std::size_t k = 0; k < kept.size(); ++k) {
        const std::size_t i = kept[k];
        const Point point = {frame.x(across[i]), frame.y(along[i])};
        if (k > 0) {
            // A line is broken where a record has no point, and between step 0 and the rest: the axis is
            // broken there too.
            const std::size_t before = kept[k - 1];
            const bool gap = !chart.occasional && absent_before[i] != absent_before[before + 1];
            if (gap || (series.across[before] == 0.0 && chart.across.break_position())) finish();
        }
        stroke.push_back(point);
        result.drawn.push_back(point);
    }
    finish();
    return result;
}

std::vector<double> place_labels(const std::vector<double>& wanted, double height, double top,
                                 double bottom) {
    const std::size_t count = wanted.size();
    if (count > 1) height = std::min(height, (bottom - top) / static_cast<double>(count - 1));
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return wanted[a] < wanted[b]; });

    // With offset_i = i·height taken off, "no overlap" reads "non-decreasing": isotonic regression by pooling
    // neighbours that violate it into blocks with one mean.
    struct Block {
        double mean;
        std::size_t size;
    };
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < count; ++i) {
        blocks.push_back({wanted[order[i]] - static_cast<double>(i) * height, 1});
        while (blocks.size() > 1 && blocks[blocks.size() - 2].mean > blocks.back().mean) {
            const Block last = blocks.back();
            blocks.pop_back();
            Block& block = blocks.back();
            const auto a = static_cast<double>(block.size), b = static_cast<double>(last.size);
            block = {(a * block.mean + b * last.mean) / (a + b), block.size + last.size};
        }
    }
    std::vector<double> placed(count);
    const double highest = bottom - (count > 0 ? static_cast<double>(count - 1) * height : 0.0);
    std::size_t i = 0;
    for (const Block& block : blocks) {
        for (std::size_t member = 0; member < block.size; ++member, ++i) {
            placed[order[i]] =
                std::clamp(block.mean, top, std::max(top, highest)) + static_cast<double>(i) * height;
        }
    }
    return placed;
}

}  // namespace ntpgeo
