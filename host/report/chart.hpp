// A line chart against steps: several labelled series as a picture one would print.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/report/axis.hpp"

namespace ntpgeo {

/// One line of a chart. The steps and values [n] are borrowed from the run and must outlive the chart.
struct Series {
    std::string run;        ///< the run's label, untrusted
    std::string quantity;   ///< which of the chart's quantities, markup; empty where it has one
    std::string label_run;  ///< untrusted, what the label at the line's end says of the run; may be empty
    std::string label_quantity;  ///< markup, what it says of the quantity; may be empty
    const std::vector<std::int64_t>* steps = nullptr;
    const std::vector<double>* values = nullptr;  ///< NaN where the record has none
    std::string colour;                           ///< a colour of the palette without its role: "0", "ramp-3"
    std::size_t dash = 0;                         ///< 0 solid, 1 … 3
    std::optional<std::size_t> mark;              ///< shape of its marks

    [[nodiscard]] bool labelled() const { return !label_run.empty() || !label_quantity.empty(); }
};

struct Chart {
    std::string id;       ///< unique on a page, of [a-z0-9-]
    std::string title;    ///< markup
    std::string of_run;   ///< untrusted; the run it is of, where a chart shows one of several; else empty
    std::string unit;     ///< markup: the formula or unit behind the title
    std::string caption;  ///< markup, exact sentences
    Scale scale = Scale::linear;
    bool from_zero = false;  ///< a linear axis begins at 0
    std::optional<std::pair<double, double>>
        range;  ///< of the values, where charts share it; else that of the series
    std::vector<Series> series;
    std::vector<const std::vector<std::int64_t>*>
        all_steps;  ///< of all runs, so that all charts share the step axis
};

/// What became of the records of one series.
struct Tally {
    std::size_t series = 0;    ///< index in Chart::series
    std::size_t records = 0;   ///< all
    std::size_t missing = 0;   ///< null or without the key
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

/// Draws. Each series holds at least one value that has a place on the chart's scale.
Drawing draw_chart(const Chart& chart);

/// The drawing as an <svg> element with title, description and role, for a page that carries the rules of the
/// palette.
std::string inline_svg(const Chart& chart, const Drawing& drawing);

/// What a reader must know about the points that are not drawn, as HTML sentences; empty where all are.
std::vector<std::string> chart_notes(const Chart& chart, const Drawing& drawing);

/// The description for those who do not see the picture, escaped: its caption and where each labelled line
/// ends.
std::string chart_description(const Chart& chart);

}  // namespace ntpgeo
