// Sums of many numbers that kernels have left in device memory, in an order that depends on how many there
// are alone.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/device/device.cuh"

namespace ntpgeo::device {

/// totals[r] = Σ_j values[r·size + j] for `rows` rows, queued on `stream`.
void sum_rows(const double* values, std::int64_t rows, std::int64_t size, double* totals,
              cudaStream_t stream);

/// The same totals on the host, once everything queued before has run. `values` has room for `rows` numbers
/// more behind its last row.
std::vector<double> fetch_row_sums(Device& device, double* values, std::int64_t rows, std::int64_t size);

}  // namespace ntpgeo::device
