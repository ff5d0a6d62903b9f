#include "kernels/cpu/panels.hpp"

#include <hwy/cache_control.h>

#include <algorithm>

// Vectors whose size is known at run time alone do not go into arrays; SSSE3 is SSE4's code once more.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_SSSE3)
// Highway compiles this file once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/panels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ntpgeo::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Vectors = hn::ScalableTag<T>;
template <class T>
using Vector = hn::Vec<Vectors<T>>;
template <class T>
constexpr int lanes = static_cast<int>(hn::MaxLanes(Vectors<T>()));
template <class T>
constexpr int vectors_of_a_panel = static_cast<int>(panel_width<T>) / lanes<T>;

// Rows and vectors of the tile of C that the registers hold, beside a row of B and an element of A.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
constexpr int tile_rows = 14, tile_panels = 2;
#elif HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2
constexpr int tile_rows = 2, tile_panels = 1;
#else
constexpr int tile_rows = 6, tile_panels = 1;
#endif
template <class T>
constexpr int tile_vectors = std::min(4, tile_panels* vectors_of_a_panel<T>);
constexpr std::int64_t depth_of_a_block = 256;

// What of a tile that reaches beyond C's columns is kept.
template <class T>
HWY_NOINLINE void store_part(const T* HWY_RESTRICT tile, std::int64_t width, std::int64_t rows,
                             std::int64_t columns, bool adds, T* HWY_RESTRICT c, std::int64_t stride) {
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j)
            c[i * stride + j] = adds ? c[i * stride + j] + tile[i * width + j] : tile[i * width + j];
}

// A tile of C: `rows` by `vectors` vectors, of which `columns` columns are kept.
template <class T, int rows, int vectors>
HWY_INLINE void multiply_tile(std::int64_t depth, const Strided<T>& a, const Panels<const T>& b, bool adds,
                              T* HWY_RESTRICT c, std::int64_t stride, std::int64_t columns) {
    constexpr Vectors<T> d;
    constexpr int width = vectors * lanes<T>;
    const T* HWY_RESTRICT column = a.data;
    const T* HWY_RESTRICT panel = b.data;
    const std::int64_t row_stride = a.row_stride, depth_stride = a.depth_stride, panel_stride = b.stride;
    Vector<T> sums[rows][vectors];
    HWY_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
        // Rows of C are far apart: nobody foresees them, and all that is summed meanwhile hides how far they
        // come.
        hwy::Prefetch(c + i * stride);
        hwy::Prefetch(c + i * stride + columns - 1);
        HWY_UNROLL(16)
        for (int q = 0; q < vectors; ++q) sums[i][q] = hn::Zero(d);
    }
    for (std::int64_t k = 0; k < depth; ++k) {
        Vector<T> row[vectors];
        HWY_UNROLL(16)
        for (int q = 0; q < vectors; ++q)
            row[q] = hn::Load(
                d, panel + (q / vectors_of_a_panel<T>)*panel_stride + (q % vectors_of_a_panel<T>)*lanes<T>);
        HWY_UNROLL(16)
        for (int i = 0; i < rows; ++i) {
            const auto element = hn::Set(d, column[i * row_stride]);
            HWY_UNROLL(16)
            for (int q = 0; q < vectors; ++q) sums[i][q] = hn::MulAdd(element, row[q], sums[i][q]);
        }
        column += depth_stride;
        panel += panel_width<T>;
    }
    const bool whole = columns == width;
    HWY_ALIGN T tile[rows * width];
    T* HWY_RESTRICT place = whole ? c : tile;
    const std::int64_t place_stride = whole ? stride : width;
    if (adds && whole) {
        HWY_UNROLL(16)
        for (int i = 0; i < rows; ++i) {
            HWY_UNROLL(16)
            for (int q = 0; q < vectors; ++q)
                sums[i][q] = hn::Add(hn::LoadU(d, c + i * stride + q * lanes<T>), sums[i][q]);
        }
    }
    HWY_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
        HWY_UNROLL(16)
        for (int q = 0; q < vectors; ++q) hn::StoreU(sums[i][q], d, place + i * place_stride + q * lanes<T>);
    }
    if (!whole) store_part(tile, width, rows, columns, adds, c, stride);
}

// All rows of at most `vectors` vectors of columns: whole tiles, then smaller ones of the rows that are left.
template <class T, int vectors, int rows = tile_rows>
HWY_NOINLINE void multiply_strip(std::int64_t count, std::int64_t depth, Strided<T> a,
                                 const Panels<const T>& b, bool adds, T* HWY_RESTRICT c, std::int64_t stride,
                                 std::int64_t columns) {
    for (; count >= rows; count -= rows) {
        multiply_tile<T, rows, vectors>(depth, a, b, adds, c, stride, columns);
        a.data += rows * a.row_stride;
        c += rows * stride;
    }
    constexpr int fewer = rows > 8 ? 8 : rows > 4 ? 4 : rows / 2;
    if constexpr (fewer > 0)
        if (count > 0) multiply_strip<T, vectors, fewer>(count, depth, a, b, adds, c, stride, columns);
}

template <class T, int vectors = tile_vectors<T>>
HWY_INLINE void multiply_strip_of(int wanted, std::int64_t count, std::int64_t depth, const Strided<T>& a,
                                  const Panels<const T>& b, bool adds, T* HWY_RESTRICT c, std::int64_t stride,
                                  std::int64_t columns) {
    if (wanted == vectors)
        multiply_strip<T, vectors>(count, depth, a, b, adds, c, stride, columns);
    else if constexpr (vectors > 1)
        multiply_strip_of<T, vectors - 1>(wanted, count, depth, a, b, adds, c, stride, columns);
}

template <class T>
HWY_INLINE void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Strided<T>& a,
                         const Panels<const T>& b, bool adds, T* HWY_RESTRICT c, std::int64_t stride) {
    constexpr std::int64_t width = tile_vectors<T> * lanes<T>;
    std::int64_t k = 0;
    do {
        const std::int64_t block = std::min(depth - k, depth_of_a_block);
        for (std::int64_t j = 0; j < columns; j += width) {
            const std::int64_t here = std::min(columns - j, width);
            const int vectors = static_cast<int>((here + lanes<T> - 1) / lanes<T>);
            multiply_strip_of<T>(
                vectors, rows, block, {a.data + k * a.depth_stride, a.row_stride, a.depth_stride},
                {b.data + j / panel_width<T> * b.stride + k * panel_width<T> + j % panel_width<T>, b.stride},
                adds || k > 0, c + j, stride, here);
        }
        k += block;
    } while (k < depth);
}
HWY_INLINE void multiply_fp32(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                              const Strided<float>& a, const Panels<const float>& b, bool adds, float* c,
                              std::int64_t stride) {
    multiply(rows, columns, depth, a, b, adds, c, stride);
}
HWY_INLINE void multiply_fp64(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                              const Strided<double>& a, const Panels<const double>& b, bool adds, double* c,
                              std::int64_t stride) {
    multiply(rows, columns, depth, a, b, adds, c, stride);
}

}  // namespace ntpgeo::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntpgeo {

HWY_EXPORT(multiply_fp32);
HWY_EXPORT(multiply_fp64);

void multiply_panels(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Strided<float>& a,
                     const Panels<const float>& b, bool adds, float* c, std::int64_t stride) {
    HWY_DYNAMIC_DISPATCH(multiply_fp32)(rows, columns, depth, a, b, adds, c, stride);
}
void multiply_panels(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Strided<double>& a,
                     const Panels<const double>& b, bool adds, double* c, std::int64_t stride) {
    HWY_DYNAMIC_DISPATCH(multiply_fp64)(rows, columns, depth, a, b, adds, c, stride);
}

}  // namespace ntpgeo
#endif  // HWY_ONCE
