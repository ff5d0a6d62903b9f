// The report as one HTML file that needs nothing else (no script, no font, no address), and its figures as
// SVG files that stand alone, for a README or a paper.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The page: tables of the runs, what limits prove, every figure that the runs have values for with captions
/// and notes, Gram matrices where the data sets are small and still there, and what is left out and why.
/// Well-formed as XML too. The same runs and data sets give the same bytes. At least one run.
std::string report_page(const std::vector<Run>& runs);

/// The names that `standalone_figure` knows, joined by commas: every figure of the page, and `overview`.
std::string figure_names();

/// Throws InputError, with the names that are known, where `id` is none of them.
void require_figure(std::string_view id);

/// The figure `id` in light colours on a white ground. `overview` holds excess loss, norms, dominance,
/// alignments, collapse and singular values (of several runs: the stable rank in their place), as far as the
/// runs have them. Throws InputError for an unknown name, with those that are known, and where no run has a
/// value of it.
std::string standalone_figure(const std::vector<Run>& runs, std::string_view id);

}  // namespace ntpgeo
