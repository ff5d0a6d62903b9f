// The report as one HTML file that needs nothing else: no script, no font, no address.
#pragma once

#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The page: tables of the runs, what limits prove, every figure that the runs have values for with captions
/// and notes, Gram matrices where the data sets are small and still there, and what is left out and why.
/// Well-formed as XML too. The same runs and data sets give the same bytes. At least one run.
std::string report_page(const std::vector<Run>& runs);

}  // namespace ntpgeo
