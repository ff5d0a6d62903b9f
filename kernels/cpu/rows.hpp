// Passes over one row, vectorised by Highway for the machine they run on.
#pragma once

#include <cstdint>

namespace ntpgeo {

/// Rows are padded to a multiple of this many elements, the widest vector of any target.
inline constexpr std::int64_t row_padding = 16;

/// The next multiple of row_padding.
constexpr std::int64_t padded(std::int64_t size) {
    return (size + row_padding - 1) / row_padding * row_padding;
}

/// out = scale·x + lambda·y computed in fp64, elementwise over `size` elements; out may be y, but may not
/// overlap x.
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

/// logits[s] = ⟨words[indices[s]], context⟩ for `count` support entries, summed in fp64 and a fixed order.
/// words [V, dim], context [dim].
void sample_row(const float* words, std::int64_t dim, const std::int32_t* indices, std::int64_t count,
                const float* context, double* logits);
void sample_row(const double* words, std::int64_t dim, const std::int32_t* indices, std::int64_t count,
                const double* context, double* logits);

/// sums[q] = ⟨row q, x⟩ in fp64 and an order that follows from `size` and the machine's vectors alone; row q
/// begins q·stride elements after the first.
void dot_rows(const float* rows, std::int64_t stride, std::int64_t count, const double* x, std::int64_t size,
              double* sums);
/// y −= Σ_q coefficients[q]·row q in fp64, subtracted in the rows' order and without contraction: every
/// machine's bits are the same.
void subtract_scaled_rows(const double* coefficients, const float* rows, std::int64_t stride,
                          std::int64_t count, double* y, std::int64_t size);

}  // namespace ntpgeo
