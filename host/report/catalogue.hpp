// The charts of a report: the figures of the table (engine/geometry/figure_table.hpp) for the runs at hand.
#pragma once

#include <string>
#include <vector>

#include "engine/geometry/figure_table.hpp"
#include "host/report/chart.hpp"
#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The charts of one kind for these runs: one, or for arrays one a run; none where nothing can be drawn, and
/// of a path's kinds none where no path has a point. Colour and marks tell runs apart, dashes the quantities;
/// a single run has its quantities in colours. A run of the kind that has no point is named in a note.
///
/// `support_values` are the singular values of S̃, as `direction_values` gives them, which the ranked kinds
/// tell ties by; empty where they are not known, as each of them may be: then the order alone counts.
std::vector<Chart> make_charts(const FigureKind& kind, const std::vector<Run>& runs,
                               const std::vector<std::vector<double>>& support_values = {});

/// The full names, as HTML, of quantities that no figure shows though a run of their kind is there.
struct LeftOut {
    std::vector<std::string> absent;    ///< null or missing in every record of every run
    std::vector<std::string> unplaced;  ///< without a value that the axis of their figure can place
};

LeftOut left_out(const std::vector<Run>& runs);

}  // namespace ntpgeo
