#include "kernels/cpu/rows.hpp"

#include <algorithm>

// Highway compiles this file once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ntpgeo::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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

// Elementwise loops whose tail is scalar. out may be y: the sum of the partial gradients is made in place.
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

// Four words at a time share the loads of the context; a short last group repeats its last word.
template <class T>
HWY_INLINE void sample_rows(const T* HWY_RESTRICT words, std::int64_t dim,
                            const std::int32_t* HWY_RESTRICT indices, std::int64_t count,
                            const T* HWY_RESTRICT context, double* HWY_RESTRICT logits) {
    const hn::ScalableTag<double> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t s = 0; s < count; s += 4) {
        const std::int64_t last = std::min<std::int64_t>(count - s, 4) - 1;
        const T* HWY_RESTRICT w0 = words + indices[s] * dim;
        const T* HWY_RESTRICT w1 = words + indices[s + std::min<std::int64_t>(1, last)] * dim;
        const T* HWY_RESTRICT w2 = words + indices[s + std::min<std::int64_t>(2, last)] * dim;
        const T* HWY_RESTRICT w3 = words + indices[s + last] * dim;
        auto a0 = hn::Zero(d), a1 = hn::Zero(d), a2 = hn::Zero(d), a3 = hn::Zero(d);
        auto b0 = hn::Zero(d), b1 = hn::Zero(d), b2 = hn::Zero(d), b3 = hn::Zero(d);
        std::int64_t k = 0;
        for (; k + 2 * lanes <= dim; k += 2 * lanes) {
            const auto h = load_wide(d, context + k), g = load_wide(d, context + k + lanes);
            a0 = hn::MulAdd(load_wide(d, w0 + k), h, a0);
            a1 = hn::MulAdd(load_wide(d, w1 + k), h, a1);
            a2 = hn::MulAdd(load_wide(d, w2 + k), h, a2);
            a3 = hn::MulAdd(load_wide(d, w3 + k), h, a3);
            b0 = hn::MulAdd(load_wide(d, w0 + k + lanes), g, b0);
            b1 = hn::MulAdd(load_wide(d, w1 + k + lanes), g, b1);
            b2 = hn::MulAdd(load_wide(d, w2 + k + lanes), g, b2);
            b3 = hn::MulAdd(load_wide(d, w3 + k + lanes), g, b3);
        }
        if (k + lanes <= dim) {
            const auto h = load_wide(d, context + k);
            a0 = hn::MulAdd(load_wide(d, w0 + k), h, a0);
            a1 = hn::MulAdd(load_wide(d, w1 + k), h, a1);
            a2 = hn::MulAdd(load_wide(d, w2 + k), h, a2);
            a3 = hn::MulAdd(load_wide(d, w3 + k), h, a3);
            k += lanes;
        }
        double sums[4] = {
            hn::GetLane(hn::SumOfLanes(d, hn::Add(a0, b0))), hn::GetLane(hn::SumOfLanes(d, hn::Add(a1, b1))),
            hn::GetLane(hn::SumOfLanes(d, hn::Add(a2, b2))), hn::GetLane(hn::SumOfLanes(d, hn::Add(a3, b3)))};
        for (; k < dim; ++k) {
            sums[0] += static_cast<double>(w0[k]) * context[k];
            sums[1] += static_cast<double>(w1[k]) * context[k];
            sums[2] += static_cast<double>(w2[k]) * context[k];
            sums[3] += static_cast<double>(w3[k]) * context[k];
        }
        for (std::int64_t i = 0; i <= last; ++i) logits[s + i] = sums[i];
    }
}
HWY_INLINE void sample_row_fp32(const float* words, std::int64_t dim, const std::int32_t* indices,
                                std::int64_t count, const float* context, double* logits) {
    sample_rows(words, dim, indices, count, context, logits);
}
HWY_INLINE void sample_row_fp64(const double* words, std::int64_t dim, const std::int32_t* indices,
                                std::int64_t count, const double* context, double* logits) {
    sample_rows(words, dim, indices, count, context, logits);
}

// Four rows at a time share the loads of x; a short last group repeats its last row.
HWY_INLINE void dot_rows_fp32(const float* HWY_RESTRICT rows, std::int64_t stride, std::int64_t count,
                              const double* HWY_RESTRICT x, std::int64_t size, double* HWY_RESTRICT sums) {
    const hn::ScalableTag<double> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t q = 0; q < count; q += 4) {
        const std::int64_t last = std::min<std::int64_t>(count - q, 4) - 1;
        const float* HWY_RESTRICT r0 = rows + q * stride;
        const float* HWY_RESTRICT r1 = r0 + std::min<std::int64_t>(1, last) * stride;
        const float* HWY_RESTRICT r2 = r0 + std::min<std::int64_t>(2, last) * stride;
        const float* HWY_RESTRICT r3 = r0 + last * stride;
        auto a0 = hn::Zero(d), a1 = hn::Zero(d), a2 = hn::Zero(d), a3 = hn::Zero(d);
        std::int64_t i = 0;
        for (; i + lanes <= size; i += lanes) {
            const auto value = hn::LoadU(d, x + i);
            a0 = hn::MulAdd(load_wide(d, r0 + i), value, a0);
            a1 = hn::MulAdd(load_wide(d, r1 + i), value, a1);
            a2 = hn::MulAdd(load_wide(d, r2 + i), value, a2);
            a3 = hn::MulAdd(load_wide(d, r3 + i), value, a3);
        }
        double found[4] = {hn::GetLane(hn::SumOfLanes(d, a0)), hn::GetLane(hn::SumOfLanes(d, a1)),
                           hn::GetLane(hn::SumOfLanes(d, a2)), hn::GetLane(hn::SumOfLanes(d, a3))};
        for (; i < size; ++i) {
            found[0] += r0[i] * x[i];
            found[1] += r1[i] * x[i];
            found[2] += r2[i] * x[i];
            found[3] += r3[i] * x[i];
        }
        for (std::int64_t k = 0; k <= last; ++k) sums[q + k] = found[k];
    }
}

// Four rows at a time share the loads and stores of y.
HWY_INLINE void subtract_rows_fp32(const double* HWY_RESTRICT coefficients, const float* HWY_RESTRICT rows,
                                   std::int64_t stride, std::int64_t count, double* HWY_RESTRICT y,
                                   std::int64_t size) {
    const hn::ScalableTag<double> d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t q = 0; q < count; q += 4) {
        const std::int64_t group = std::min<std::int64_t>(count - q, 4);
        const float* HWY_RESTRICT first = rows + q * stride;
        std::int64_t i = 0;
        for (; i + lanes <= size; i += lanes) {
            auto value = hn::LoadU(d, y + i);
            for (std::int64_t k = 0; k < group; ++k)
                value = hn::Sub(
                    value, hn::Mul(hn::Set(d, coefficients[q + k]), load_wide(d, first + k * stride + i)));
            hn::StoreU(value, d, y + i);
        }
        for (; i < size; ++i)
            for (std::int64_t k = 0; k < group; ++k) y[i] -= coefficients[q + k] * first[k * stride + i];
    }
}

}  // namespace ntpgeo::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntpgeo {

HWY_EXPORT(combine_fp32_fp64);
HWY_EXPORT(combine_fp64_fp64);
HWY_EXPORT(combine_fp32_fp32);
HWY_EXPORT(combine_fp64_fp32);
HWY_EXPORT(narrow_row);
HWY_EXPORT(widen_row);
HWY_EXPORT(sample_row_fp32);
HWY_EXPORT(sample_row_fp64);
HWY_EXPORT(dot_rows_fp32);
HWY_EXPORT(subtract_rows_fp32);

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
void sample_row(const float* words, std::int64_t dim, const std::int32_t* indices, std::int64_t count,
                const float* context, double* logits) {
    HWY_DYNAMIC_DISPATCH(sample_row_fp32)(words, dim, indices, count, context, logits);
}
void sample_row(const double* words, std::int64_t dim, const std::int32_t* indices, std::int64_t count,
                const double* context, double* logits) {
    HWY_DYNAMIC_DISPATCH(sample_row_fp64)(words, dim, indices, count, context, logits);
}

void dot_rows(const float* rows, std::int64_t stride, std::int64_t count, const double* x, std::int64_t size,
              double* sums) {
    HWY_DYNAMIC_DISPATCH(dot_rows_fp32)(rows, stride, count, x, size, sums);
}
void subtract_scaled_rows(const double* coefficients, const float* rows, std::int64_t stride,
                          std::int64_t count, double* y, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(subtract_rows_fp32)(coefficients, rows, stride, count, y, size);
}

}  // namespace ntpgeo
#endif  // HWY_ONCE
