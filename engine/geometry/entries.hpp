// What the entries of somebody else's W and H must be before they are measured.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace ntpgeo {

/// Throws InputError where the matrix [rows, columns] `values` (row-major) has no row or no column, or an
/// entry is not finite or above 1e70 in absolute value, "NAME: the entry [i, k] is X; …": squares of logits,
/// which are products of two entries, summed over words and contexts stay finite.
void require_measurable(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                        const std::string& name);

}  // namespace ntpgeo
