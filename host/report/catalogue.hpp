// The figures of a report: which quantities, on which axis, with which words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/report/chart.hpp"
#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// A quantity of a record and what its line is called.
struct Quantity {
    std::string key;        ///< of metrics.jsonl (design 2.2); `singular_values` is the one array
    std::string name;       ///< of its line, markup
    std::string full_name;  ///< in a sentence, markup
};

struct FigureKind {
    std::string id;                    ///< the name on the command line
    std::string title, unit, caption;  ///< markup
    Scale scale;
    bool from_zero;
    std::vector<Quantity> quantities;
};

/// Every kind of figure, in the order of the page.
const std::vector<FigureKind>& figure_kinds();

/// The charts of one kind for these runs: one, or for singular values one a run; none where nothing can be
/// drawn. Borrows from `runs`. Colour and marks tell runs apart, dashes the quantities; a single run has its
/// quantities in colours.
std::vector<Chart> make_charts(const FigureKind& kind, const std::vector<Run>& runs);

/// The full names, as HTML, of quantities that no figure shows.
struct LeftOut {
    std::vector<std::string> absent;    ///< null or missing in every record of every run
    std::vector<std::string> unplaced;  ///< without a value that the axis of their figure can place
};

LeftOut left_out(const std::vector<Run>& runs);

/// The class of colour that stands for run number `index` wherever several runs are shown.
std::string run_colour(std::size_t index);

}  // namespace ntpgeo
