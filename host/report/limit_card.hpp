// What a limit run proves about L_mm, in words.
#pragma once

#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// A card of facts for each limit run, as HTML under a heading: ‖L_mm‖_* between the certificate's bound and
/// the value reached, gap, iterations, rank, and what is proved about the proxy S̃ (design 1.4). Empty where
/// no run is one.
std::string limit_cards(const std::vector<Run>& runs);

}  // namespace ntpgeo
