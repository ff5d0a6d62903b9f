// Matrix products of the loss step: one operand lies as it is, the other in panels a cache line wide, which a
// kernel streams past accumulators that stay in registers. Vectorised by Highway for the machine they run on.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ntpgeo {

/// Columns of a panel: a cache line of them, whatever the machine's vectors are.
template <class T>
inline constexpr std::int64_t panel_width = 64 / static_cast<std::int64_t>(sizeof(T));

/// `columns` in whole panels.
template <class T>
constexpr std::int64_t in_panels(std::int64_t columns) {
    return (columns + panel_width<T> - 1) / panel_width<T> * panel_width<T>;
}

/// A matrix [depth, columns] in panels: element (k, j) is data[(j / width)·stride + k·width + j % width].
/// What the last panel has beyond the columns is not used. `data` is on a cache line.
template <class T>
struct Panels {
    T* data;
    std::int64_t stride;  ///< between panels: depth·width, or more
};

/// out = x in panels, row k times scales[k], which is rounded to T first (null: 1): x [depth, columns],
/// `stride` elements between rows. Behind the columns it is 0.
template <class X, class T>
void pack_rows(const X* x, std::int64_t stride, std::int64_t depth, std::int64_t columns,
               const double* scales, const Panels<T>& out) {
    constexpr std::int64_t width = panel_width<T>;
    const std::int64_t whole = columns / width;
    for (std::int64_t k = 0; k < depth; ++k) {  // not a panel after the other: rows are read through
        const X* const row = x + k * stride;
        T* const place = out.data + k * width;
        const T scale = scales ? static_cast<T>(scales[k]) : T{1};
        for (std::int64_t j = 0; j < whole; ++j)
            for (std::int64_t q = 0; q < width; ++q)
                place[j * out.stride + q] = scale * static_cast<T>(row[j * width + q]);
        if (whole * width < columns)
            for (std::int64_t q = 0; q < width; ++q)
                place[whole * out.stride + q] =
                    whole * width + q < columns ? scale * static_cast<T>(row[whole * width + q]) : T{0};
    }
}

/// out = xᵀ in panels: x [columns, depth], `stride` elements between rows. Behind the columns it is 0.
template <class X, class T>
void pack_columns(const X* x, std::int64_t stride, std::int64_t depth, std::int64_t columns,
                  const Panels<T>& out) {
    constexpr std::int64_t width = panel_width<T>, side = 4;
    for (std::int64_t j = 0; j < columns; j += width) {
        T* const panel = out.data + j / width * out.stride;
        const X* const rows = x + j * stride;
        const std::int64_t here = std::min(columns - j, width);
        std::int64_t k = 0;
        if (here == width)  // by squares, whose columns are written as vectors
            for (; k + side <= depth; k += side)
                for (std::int64_t q = 0; q < width; q += side) {
                    T square[side][side];
                    for (std::int64_t i = 0; i < side; ++i)
                        for (std::int64_t l = 0; l < side; ++l)
                            square[l][i] = static_cast<T>(rows[(q + i) * stride + k + l]);
                    for (std::int64_t l = 0; l < side; ++l)
                        for (std::int64_t i = 0; i < side; ++i) panel[(k + l) * width + q + i] = square[l][i];
                }
        for (; k < depth; ++k)
            for (std::int64_t q = 0; q < width; ++q)
                panel[k * width + q] = q < here ? static_cast<T>(rows[q * stride + k]) : T{0};
    }
}

/// The operand that lies as it is, [rows, depth]: element (i, k) is data[i·row_stride + k·depth_stride].
template <class T>
struct Strided {
    const T* data;
    std::int64_t row_stride, depth_stride;
};

/// C = A·B, or C += A·B where `adds`: C [rows, columns], `stride` elements between rows. Each element is
/// summed over blocks of 256 of the depth, within one from the first to the last by fused operations: the
/// bits depend on no other element, nor on the machine, where it has such operations.
void multiply_panels(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Strided<float>& a,
                     const Panels<const float>& b, bool adds, float* c, std::int64_t stride);
void multiply_panels(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Strided<double>& a,
                     const Panels<const double>& b, bool adds, double* c, std::int64_t stride);

}  // namespace ntpgeo
