#include <algorithm>

#include "kernels/anchored_xent/rows_cpu.hpp"

// Highway compiles this file once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/anchored_xent/elementwise_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ntpgeo::anchored_xent::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
HWY_INLINE void fill_rows(T* HWY_RESTRICT row, std::int64_t size, T value) {
    const hn::ScalableTag<T> d;
    for (std::int64_t i = 0; i < size; i += static_cast<std::int64_t>(hn::Lanes(d)))
        hn::StoreU(hn::Set(d, value), d, row + i);
}
HWY_INLINE void fill_row_fp32(float* row, std::int64_t size, float value) {
    fill_rows(row, size, value);
}
HWY_INLINE void fill_row_fp64(double* row, std::int64_t size, double value) {
    fill_rows(row, size, value);
}

// Elementwise loops whose tail is scalar.
template <class T>
HWY_INLINE void scale_rows(T scale, const T* HWY_RESTRICT x, T* HWY_RESTRICT out, std::int64_t size) {
    const hn::ScalableTag<T> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = 0;
    for (; i + lanes <= size; i += lanes)
        hn::StoreU(hn::Mul(hn::Set(d, scale), hn::LoadU(d, x + i)), d, out + i);
    for (; i < size; ++i) out[i] = scale * x[i];
}
HWY_INLINE void scale_row_fp32(float scale, const float* x, float* out, std::int64_t size) {
    scale_rows(scale, x, out, size);
}
HWY_INLINE void scale_row_fp64(double scale, const double* x, double* out, std::int64_t size) {
    scale_rows(scale, x, out, size);
}

// Loads and stores of either width as fp64 vectors.
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const double* pointer) {
    return hn::LoadU(d, pointer);
}
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const float* pointer) {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), pointer));
}
template <class D>
HWY_INLINE void store_wide(D d, hn::Vec<D> value, double* pointer) {
    hn::StoreU(value, d, pointer);
}
template <class D>
HWY_INLINE void store_wide(D, hn::Vec<D> value, float* pointer) {
    const hn::Rebind<float, D> narrow;
    hn::StoreU(hn::DemoteTo(narrow, value), narrow, pointer);
}

// out may be y: the sum of the partial gradients is made in place.
template <class X, class Y>
HWY_INLINE void combine_rows(double scale, const X* HWY_RESTRICT x, double lambda, const Y* y, Y* out,
                             std::int64_t size) {
    const hn::ScalableTag<double> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = 0;
    if (lambda == 0) {  // spares the loads of y
        for (; i + lanes <= size; i += lanes)
            store_wide(d, hn::Mul(hn::Set(d, scale), load_wide(d, x + i)), out + i);
    } else {
        for (; i + lanes <= size; i += lanes)
            store_wide(d,
                       hn::MulAdd(hn::Set(d, scale), load_wide(d, x + i),
                                  hn::Mul(hn::Set(d, lambda), load_wide(d, y + i))),
                       out + i);
    }
    for (; i < size; ++i) out[i] = static_cast<Y>(scale * x[i] + lambda * y[i]);
}
HWY_INLINE void combine_fp32_fp64(double scale, const float* x, double lambda, const double* y, double* out,
                                  std::int64_t size) {
    combine_rows(scale, x, lambda, y, out, size);
}
HWY_INLINE void combine_fp64_fp64(double scale, const double* x, double lambda, const double* y, double* out,
                                  std::int64_t size) {
    combine_rows(scale, x, lambda, y, out, size);
}
HWY_INLINE void combine_fp32_fp32(double scale, const float* x, double lambda, const float* y, float* out,
                                  std::int64_t size) {
    combine_rows(scale, x, lambda, y, out, size);
}
HWY_INLINE void combine_fp64_fp32(double scale, const double* x, double lambda, const float* y, float* out,
                                  std::int64_t size) {
    combine_rows(scale, x, lambda, y, out, size);
}

template <class X, class Y>
HWY_INLINE void convert_rows(const X* HWY_RESTRICT x, Y* HWY_RESTRICT out, std::int64_t size) {
    const hn::ScalableTag<double> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = 0;
    for (; i + lanes <= size; i += lanes) store_wide(d, load_wide(d, x + i), out + i);
    for (; i < size; ++i) out[i] = static_cast<Y>(x[i]);
}
HWY_INLINE void narrow_row(const double* x, float* out, std::int64_t size) {
    convert_rows(x, out, size);
}
HWY_INLINE void widen_row(const float* x, double* out, std::int64_t size) {
    convert_rows(x, out, size);
}

}  // namespace ntpgeo::anchored_xent::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntpgeo::anchored_xent {

HWY_EXPORT(fill_row_fp32);
HWY_EXPORT(fill_row_fp64);
HWY_EXPORT(scale_row_fp32);
HWY_EXPORT(scale_row_fp64);
HWY_EXPORT(combine_fp32_fp64);
HWY_EXPORT(combine_fp64_fp64);
HWY_EXPORT(combine_fp32_fp32);
HWY_EXPORT(combine_fp64_fp32);
HWY_EXPORT(narrow_row);
HWY_EXPORT(widen_row);

void fill_row(float* row, std::int64_t size, float value) {
    HWY_DYNAMIC_DISPATCH(fill_row_fp32)(row, size, value);
}
void fill_row(double* row, std::int64_t size, double value) {
    HWY_DYNAMIC_DISPATCH(fill_row_fp64)(row, size, value);
}
void scale_row(float scale, const float* x, float* out, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(scale_row_fp32)(scale, x, out, size);
}
void scale_row(double scale, const double* x, double* out, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(scale_row_fp64)(scale, x, out, size);
}
void combine_row(double scale, const float* x, double lambda, const double* y, double* out,
                 std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(combine_fp32_fp64)(scale, x, lambda, y, out, size);
}
void combine_row(double scale, const double* x, double lambda, const double* y, double* out,
                 std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(combine_fp64_fp64)(scale, x, lambda, y, out, size);
}
void combine_row(double scale, const float* x, double lambda, const float* y, float* out, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(combine_fp32_fp32)(scale, x, lambda, y, out, size);
}
void combine_row(double scale, const double* x, double lambda, const float* y, float* out,
                 std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(combine_fp64_fp32)(scale, x, lambda, y, out, size);
}
void convert_row(const double* x, float* out, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(narrow_row)(x, out, size);
}
void convert_row(const float* x, double* out, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(widen_row)(x, out, size);
}
void convert_row(const double* x, double* out, std::int64_t size) {
    std::copy_n(x, size, out);
}

}  // namespace ntpgeo::anchored_xent
#endif  // HWY_ONCE
