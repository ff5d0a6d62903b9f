// The report as one HTML file that needs nothing else: no script, no font, no address.
#pragma once

#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The page: tables of the runs, every figure that they have values for, with captions and notes, and what is
/// left out. Well-formed as XML too. The same runs give the same bytes. At least one run.
std::string report_page(const std::vector<Run>& runs);

}  // namespace ntpgeo
