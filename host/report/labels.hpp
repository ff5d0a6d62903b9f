// Labels beside the ends of lines: as near as they can be without covering one another.
#pragma once

#include <vector>

namespace ntpgeo {

/// Vertical positions of labels of height `height` that wish to stand at `wanted`, moved as little as
/// possible (least squares) so that none overlap and all lie within [top, bottom]. Where they cannot all fit
/// they overlap evenly. Labels that wish for the same place keep their order.
std::vector<double> place_labels(const std::vector<double>& wanted, double height, double top, double bottom);

}  // namespace ntpgeo
