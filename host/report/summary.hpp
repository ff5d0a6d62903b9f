// The runs of a report in tables (on which data, how trained, where each training run stands, what each path
// spans) and, of limits, in words.
#pragma once

#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The tables as HTML, a row a run (one row for runs that agree in all of it); what a config.json or a last
/// record lacks is a dash.
std::string summary_tables(const std::vector<Run>& runs);

/// A card of facts for each limit run, as HTML under a heading: ‖L_mm‖_* between the certificate's bound and
/// the value reached, gap, iterations, rank, and what is proved about the proxy S̃ (design 1.4). Empty where
/// no run is one.
std::string limit_cards(const std::vector<Run>& runs);

}  // namespace ntpgeo
