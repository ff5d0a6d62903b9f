// The passes over one row that the CPU's loss step is made of, vectorised by Highway for the machine it runs
// on.
#pragma once

#include <cstdint>

namespace ntpgeo::anchored_xent {

/// Rows are padded to a multiple of this many elements, the widest vector of any target.
inline constexpr std::int64_t row_padding = 16;

/// In place E = e^{z − anchor} over `size` elements (a multiple of row_padding), returning Σ E. The anchor is
/// taken as fp32 or fp64 of anchor·log2 e, the row's own precision. fp32 sums at most four terms in fp32
/// before it goes on in fp64. −infinity gives exactly 0, results below the smallest normal number about 0,
/// above the largest +infinity, NaN gives NaN. Relative error: 1 ulp, and |z| times that of the argument.
double anchored_exp_row(float* row, std::int64_t size, double anchor);
double anchored_exp_row(double* row, std::int64_t size, double anchor);

/// Maximum and Σ (z − mean)² over the elements of a row above −infinity, in the row's units.
struct RowSpread {
    double maximum;
    double square;
};
RowSpread spread_row(const float* row, std::int64_t size, double mean);
RowSpread spread_row(const double* row, std::int64_t size, double mean);

/// logits[s] = ⟨words[indices[s]], context⟩ for `count` support entries, in the precision of T and a fixed
/// order. words [V, dim], context [dim].
void sample_row(const float* words, std::int64_t dim, const std::int32_t* indices, std::int64_t count,
                const float* context, double* logits);
void sample_row(const double* words, std::int64_t dim, const std::int32_t* indices, std::int64_t count,
                const double* context, double* logits);

/// In place log1p(x) for x ≥ 0 over `size` elements of an array padded to a multiple of row_padding (the
/// padding is written too); a few ulp, NaN gives NaN.
void log1p_row(double* row, std::int64_t size);

/// The label arithmetic of design 1.2 over `size` support entries of arrays padded to a multiple of
/// row_padding. Given q̄, p and δ = log q̄ − log p: residual = q̄ − p = p·expm1(δ) and excess = p·(expm1(δ) −
/// δ), each right to a few ulp relative (a series where |δ| < 1/4, differences where they are benign).
/// `delta` is overwritten by the excess.
void label_row(const double* q, const double* probs, double* delta, double* residual, std::int64_t size);

// Elementwise passes, in elementwise_cpu.cpp.

/// row[i] = value over `size` elements (a multiple of row_padding).
void fill_row(float* row, std::int64_t size, float value);
void fill_row(double* row, std::int64_t size, double value);

/// out = scale·x in x's precision, and out = scale·x + lambda·y computed in fp64, elementwise over `size`
/// elements; out may be y, but may not overlap x.
void scale_row(float scale, const float* x, float* out, std::int64_t size);
void scale_row(double scale, const double* x, double* out, std::int64_t size);
void combine_row(double scale, const float* x, double lambda, const double* y, double* out,
                 std::int64_t size);
void combine_row(double scale, const double* x, double lambda, const double* y, double* out,
                 std::int64_t size);
void combine_row(double scale, const float* x, double lambda, const float* y, float* out, std::int64_t size);
void combine_row(double scale, const double* x, double lambda, const float* y, float* out, std::int64_t size);

/// out = (fp32 or fp64) x, rounded to nearest.
void convert_row(const double* x, float* out, std::int64_t size);
void convert_row(const float* x, double* out, std::int64_t size);
void convert_row(const double* x, double* out, std::int64_t size);

}  // namespace ntpgeo::anchored_xent
