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
    std::string key;        ///< of metrics.jsonl (design 2.2), or `logits_norm`
    std::string name;       ///< of its line, markup; of an array, the letter whose index counts the lines
    std::string full_name;  ///< in a sentence, markup
};

/// Which records a figure shows, and so the part of the page that it stands in.
enum class Subject {
    training,  ///< those of training runs, against the step
    norm,      ///< those of training runs and paths, against ‖L̄‖_F
    path,      ///< those of paths, against λ; and the last of training runs with λ > 0
    limit      ///< those of limits, against the iterations
};

struct FigureKind {
    std::string id;                    ///< the name on the command line
    std::string title, unit, caption;  ///< markup
    Subject subject;
    Scale scale;
    bool from_zero;
    std::vector<Quantity> quantities;  ///< an array has its figure to itself, one a run
    bool occasional = false;           ///< evaluated at some records only
};

/// Every kind of figure, in the order of the page.
const std::vector<FigureKind>& figure_kinds();

/// The charts of one kind for these runs: one, or for arrays one a run; none where nothing can be drawn, and
/// of a path's kinds none where no path has a point. Colour and marks tell runs apart, dashes the quantities;
/// a single run has its quantities in colours.
std::vector<Chart> make_charts(const FigureKind& kind, const std::vector<Run>& runs);

/// The full names, as HTML, of quantities that no figure shows though a run of their kind is there.
struct LeftOut {
    std::vector<std::string> absent;    ///< null or missing in every record of every run
    std::vector<std::string> unplaced;  ///< without a value that the axis of their figure can place
};

LeftOut left_out(const std::vector<Run>& runs);

}  // namespace ntpgeo
