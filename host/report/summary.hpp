// The runs of a report in tables: on which data, how trained, where each training run stands, and what each
// path spans.
#pragma once

#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The tables as HTML, a row a run (one row for runs that agree in all of it); what a config.json or a last
/// record lacks is a dash.
std::string summary_tables(const std::vector<Run>& runs);

}  // namespace ntpgeo
