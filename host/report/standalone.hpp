// One figure, or an overview of the main ones, as an SVG file that stands alone: for a README or a paper.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The names that `standalone_figure` knows, joined by commas: every figure of the page, and `overview`.
std::string figure_names();

/// The figure `id` in light colours on a white ground. `overview` holds excess loss, norms, dominance,
/// alignments, collapse and singular values (of several runs: the stable rank in their place), as far as the
/// runs have them. Throws InputError for an unknown name, with those that are known, and where no run has a
/// value of it.
std::string standalone_figure(const std::vector<Run>& runs, std::string_view id);

}  // namespace ntpgeo
