// The runs of a report in three tables: on which data, how trained, and where each stands.
#pragma once

#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The tables as HTML, a row a run (one row for runs that agree in all of it); what a config.json or a last
/// record lacks is a dash.
std::string summary_tables(const std::vector<Run>& runs);

}  // namespace ntpgeo
