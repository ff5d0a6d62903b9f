// How far two orders agree.
#pragma once

#include <optional>
#include <vector>

namespace ntpgeo {

/// Spearman's rank correlation of `a` and `b` [n] (both finite): the correlation of their ranks, where values
/// that agree share the mean of theirs. Values agree where they are one multiple of 1e-9 of the largest
/// magnitude. From −1 to 1; none where n < 2 or where all values of a or all of b agree. Throws
/// std::invalid_argument where the lengths differ.
std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

/// The place, from 0 on, at which each column of `columns` [k][n] is first at half of its last value or above
/// it; n where that value is not above 0 to 1e-9 of the largest magnitude of all. NaN is at no half; a
/// column's last value is that at n − 1.
std::vector<double> first_at_half(const std::vector<std::vector<double>>& columns);

}  // namespace ntpgeo
