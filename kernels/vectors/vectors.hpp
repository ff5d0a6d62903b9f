// Vector operations in master precision. Contract with backend.hpp; the CPU twins are declared here.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo::vectors_cpu {

/// x_i = scale·N(0,1), the i-th normal of Philox(seed, stream).
void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale);
void fill_zero(Vector x);
/// Converts where the two differ in precision.
void copy(Vector from, Vector to);
/// ⟨x, y⟩ in double, over fixed blocks in a fixed order.
double dot(Vector x, Vector y);
/// y += a·x.
void axpy(double a, Vector x, Vector y);
void scale(double a, Vector x);

}  // namespace ntpgeo::vectors_cpu
