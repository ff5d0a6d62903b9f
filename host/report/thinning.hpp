// Fewer points, the same picture.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ntpgeo {

/// The most points drawn of one series.
inline constexpr std::size_t kPointsASeries = 400;

/// Which points of a series to draw: all of those whose value is not NaN where they are at most `limit` (≥
/// 4); else, in each of limit/4 equal intervals of the axis, the first, the last, the least and the greatest.
/// Ascending indices. `positions` [n] ascending, in [0, 1]; `values` [n].
std::vector<std::size_t> thin(std::span<const double> positions, std::span<const double> values,
                              std::size_t limit = kPointsASeries);

}  // namespace ntpgeo
