// Products of a sparse V×m matrix on the labels' pattern with dense blocks, fp64: both directions are
// gathers, so the order of every sum is fixed. Contract with backend.hpp; the CPU twins are declared here.
#pragma once

#include "kernels/base/views.hpp"

namespace ntpgeo::sparse_cpu {

/// Y [V,b] += alpha·F·X, X [m,b]; F[indices[i], j] = values[i] for the positions i of context j.
void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x, Matrix y);

/// X [m,b] += alpha·Fᵀ·Y, Y [V,b].
void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha, Matrix y,
                              Matrix x);

}  // namespace ntpgeo::sparse_cpu
