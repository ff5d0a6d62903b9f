// What tells the runs of a report apart in its figures: labels, colours and marks.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The runs' labels, with their data sets where these differ, cut to what fits beside a line and still told
/// apart. Untrusted.
std::vector<std::string> short_labels(const std::vector<Run>& runs);

/// The number by which run `index` has its colour and mark: limits, which have no line among the others, come
/// after those.
std::size_t run_number(const std::vector<Run>& runs, std::size_t index);

/// The class of colour of run number `number`.
std::string run_colour(std::size_t number);

}  // namespace ntpgeo
