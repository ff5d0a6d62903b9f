// A line chart: several labelled series as a picture one would print.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/report/axis.hpp"

namespace ntpgeo {

/// One line of a chart.
struct Series {
    std::string run;        ///< the run's label, untrusted
    std::string quantity;   ///< which of the chart's quantities, markup; empty where it has one
    std::string label_run;  ///< untrusted, what the label at the line's end says of the run; may be empty
    std::string label_quantity;          ///< markup, what it says of the quantity; may be empty
    std::vector<double> across, values;  ///< [n], in the records' order; NaN where the record has none
    std::string colour;                  ///< a colour of the palette without its role: "0", "ramp-3"
    std::size_t dash = 0;                ///< 0 solid, 1 … 3
    std::optional<std::size_t> mark;     ///< shape of its marks
    bool marks_every_point = false;      ///< each point is a result of its own, as those of a path are

    [[nodiscard]] bool labelled() const { return !label_run.empty() || !label_quantity.empty(); }
};

struct Chart {
    std::string id;       ///< unique on a page, of [a-z0-9-]
    std::string title;    ///< markup
    std::string of_run;   ///< untrusted; the run it is of, where a chart shows one of several; else empty
    std::string unit;     ///< markup: the formula or unit behind the title
    std::string caption;  ///< markup, exact sentences
    Scale scale = Scale::linear;
    bool from_zero = false;   ///< a linear axis begins at 0
    bool occasional = false;  ///< most records lack the quantity by design: lines join over those that do
    std::optional<std::pair<double, double>>
        range;              ///< of the values, where charts share it; else that of the series
    HorizontalAxis across;  ///< shared by the charts that follow one thing
    std::vector<Series> series;
    std::vector<std::string> notes;  ///< HTML sentences of the figure's own
};

/// What became of the records of one series.
struct Tally {
    std::size_t series = 0;    ///< index in Chart::series
    std::size_t records = 0;   ///< all
    std::size_t missing = 0;   ///< null or without the key, on either axis
    std::size_t unplaced = 0;  ///< of values that the axis has no place for
    std::size_t drawn = 0;

    [[nodiscard]] bool thinned() const { return drawn + missing + unplaced < records; }
};

/// The picture's elements, without an enclosing <svg>, in a box of width × height user units.
struct Drawing {
    std::string elements;
    double width = 0.0, height = 0.0;
    std::vector<Tally> tallies;  ///< one a series
};

/// Whether record i of the series has a place on both axes.
bool has_point(const Chart& chart, const Series& series, std::size_t i);

/// Draws. Each series holds at least one point.
Drawing draw_chart(const Chart& chart);

/// The drawing as an <svg> element with title, description and role, for a page that carries the rules of the
/// palette.
std::string inline_svg(const Chart& chart, const Drawing& drawing);

/// The chart's own notes, and what a reader must know about the points that are not drawn: HTML sentences.
std::vector<std::string> chart_notes(const Chart& chart, const Drawing& drawing);

/// What the last values of the lines k of a list [k][n], and the order in which they rose to half of them,
/// have to do with S̃'s singular values [≥ k]: two rank correlations or that there are none, as markup that
/// ends a caption. Where `support_values` is empty, the values fall with k.
std::string ranking_words(const std::vector<std::vector<double>>& columns,
                          const std::vector<double>& support_values);

/// The description for those who do not see the picture, escaped: its caption and where each labelled line
/// ends.
std::string chart_description(const Chart& chart);

}  // namespace ntpgeo
