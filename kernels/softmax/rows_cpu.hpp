// The exponentials, logarithms and label arithmetic of the anchored softmax over one row on the CPU,
// vectorised by Highway for the machine it runs on. Rows are padded to a multiple of row_padding
// (cpu/rows.hpp).
#pragma once

#include <cstdint>

#include "kernels/cpu/rows.hpp"

namespace ntpgeo::softmax {

/// In place E = e^{z − anchor} over `size` elements (a multiple of row_padding), returning Σ E. The anchor is
/// taken as fp32 or fp64 of anchor·log2 e, the row's own precision. fp32 sums at most four terms in fp32
/// before it goes on in fp64. −infinity gives exactly 0, results below the smallest normal number about 0,
/// above the largest +infinity, NaN gives NaN. Relative error: 1 ulp, and |z| times that of the argument.
double anchored_exp_row(float* row, std::int64_t size, double anchor);
double anchored_exp_row(double* row, std::int64_t size, double anchor);

/// In place log1p(x) for x ≥ 0 over `size` elements of an array padded to a multiple of row_padding (the
/// padding is written too); a few ulp, NaN gives NaN.
void log1p_row(double* row, std::int64_t size);

/// The label arithmetic of design 1.2 over `size` support entries of arrays padded to a multiple of
/// row_padding. Given q̄, p and δ = log q̄ − log p: residual = q̄ − p = p·expm1(δ) and excess = p·(expm1(δ) −
/// δ), each right to a few ulp relative (a series where |δ| < 1/4, differences where they are benign).
/// `delta` is overwritten by the excess.
void label_row(const double* q, const double* probs, double* delta, double* residual, std::int64_t size);

}  // namespace ntpgeo::softmax
