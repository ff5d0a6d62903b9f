#include "kernels/softmax/softmax_cpu.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

// Highway compiles this file once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/softmax_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Per instruction set as well, so after the two above.
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace ntpgeo::softmax::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 2^f = 1 + f·q(f) on |f| ≤ 1/2, q minimax for the relative error: 2.6e-9 (fp32) and 1.8e-17 (fp64).
constexpr float exp2_coefficients(float, int k) {
    constexpr float c[] = {0.69314721496810859757F,   0.24022652782884305895F,   0.055503105507339845082F,
                           0.0096176929705994273064F, 0.0013406644061117240848F, 0.00015594680398940545186F};
    return c[k];
}
constexpr double exp2_coefficients(double, int k) {
    constexpr double c[] = {0.69314718055994569672,     0.24022650695910098005,   0.055504108664790396102,
                            0.0096181291076070024967,   0.0013333558153439726539, 0.0001540353044157244098,
                            0.000015252727385377193521, 1.3215442674984487886e-6, 1.0180647587720647832e-7,
                            7.0725704990239348191e-9,   4.0780828699274294846e-10};
    return c[k];
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> exp2(D d, hn::Vec<D> x) {
    constexpr bool narrow = sizeof(T) == 4;
    constexpr int degree = narrow ? 6 : 11;
    constexpr int mantissa_bits = narrow ? 23 : 52;
    constexpr T bias = narrow ? T{127} : T{1023};
    const hn::RebindToSigned<D> di;
    // At −bias the exponent field is 0 and the scale exactly 0; at bias + 1 it is +infinity. The operands
    // stand in this order because on x86 a NaN in the second operand is what comes back.
    x = hn::Min(hn::Set(d, bias + 1), hn::Max(hn::Set(d, -bias), x));
    const auto whole = hn::Round(x);
    const auto fraction = hn::Sub(x, whole);
    auto q = hn::Set(d, exp2_coefficients(T{}, degree - 1));
    for (int k = degree - 2; k >= 0; --k) q = hn::MulAdd(q, fraction, hn::Set(d, exp2_coefficients(T{}, k)));
    const auto mantissa = hn::MulAdd(q, fraction, hn::Set(d, T{1}));
    // whole + bias is a small exact integer: adding 1.5·2^mantissa_bits leaves it in the low bits.
    const auto exponent = hn::BitCast(di, hn::Add(whole, hn::Set(d, bias + T{1.5} * (1LL << mantissa_bits))));
    return hn::Mul(mantissa, hn::BitCast(d, hn::ShiftLeft<mantissa_bits>(exponent)));
}

constexpr double log2_e = 1.4426950408889634074;

// e^{z − a} as 2^{z·log2 e − a·log2 e}, one fused operation before the power.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> anchored_exp(D d, const T* HWY_RESTRICT pointer, hn::Vec<D> log2_anchor) {
    return exp2(d, hn::MulSub(hn::LoadU(d, pointer), hn::Set(d, static_cast<T>(log2_e)), log2_anchor));
}

// The same in place; `exp_of_four` of vectors that lie `spacing` apart. Returns their sum.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> exp_of_one(D d, T* HWY_RESTRICT place, hn::Vec<D> log2_anchor) {
    const auto e = anchored_exp(d, place, log2_anchor);
    hn::StoreU(e, d, place);
    return e;
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> exp_of_four(D d, T* HWY_RESTRICT place, std::int64_t spacing, hn::Vec<D> log2_anchor) {
    const auto e0 = exp_of_one(d, place, log2_anchor), e1 = exp_of_one(d, place + spacing, log2_anchor),
               e2 = exp_of_one(d, place + 2 * spacing, log2_anchor),
               e3 = exp_of_one(d, place + 3 * spacing, log2_anchor);
    return hn::Add(hn::Add(e0, e1), hn::Add(e2, e3));
}

// What a vector of fp32 adds to two of fp64; one lane has no upper half.
template <class Wide, class Narrow>
HWY_INLINE void add_halves(Wide wide, Narrow x, hn::Vec<Wide>& low, [[maybe_unused]] hn::Vec<Wide>& high) {
    const hn::Rebind<float, Wide> half;
    low = hn::Add(low, hn::PromoteTo(wide, hn::LowerHalf(half, x)));
#if HWY_TARGET != HWY_SCALAR
    high = hn::Add(high, hn::PromoteTo(wide, hn::UpperHalf(half, x)));
#endif
}

HWY_INLINE double anchored_exp_row_fp32(float* HWY_RESTRICT row, std::int64_t size, double anchor) {
    const hn::ScalableTag<float> d;
    const auto offset = hn::Set(d, static_cast<float>(anchor * log2_e));
    const hn::RepartitionToWide<decltype(d)> wide;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    auto low = hn::Zero(wide), high = hn::Zero(wide);
    std::int64_t i = 0;
    for (; i + 4 * lanes <= size; i += 4 * lanes)
        add_halves(wide, exp_of_four(d, row + i, lanes, offset), low, high);
    auto rest = hn::Zero(d);  // at most three more vectors, as in the loop
    for (; i < size; i += lanes) rest = hn::Add(rest, exp_of_one(d, row + i, offset));
    add_halves(wide, rest, low, high);
    return hn::GetLane(hn::SumOfLanes(wide, hn::Add(low, high)));
}

HWY_INLINE double anchored_exp_row_fp64(double* HWY_RESTRICT row, std::int64_t size, double anchor) {
    const hn::ScalableTag<double> d;
    const auto offset = hn::Set(d, anchor * log2_e);
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    auto sum = hn::Zero(d);
    std::int64_t i = 0;
    for (; i + 4 * lanes <= size; i += 4 * lanes) sum = hn::Add(sum, exp_of_four(d, row + i, lanes, offset));
    for (; i < size; i += lanes) sum = hn::Add(sum, exp_of_one(d, row + i, offset));
    return hn::GetLane(hn::SumOfLanes(d, sum));
}

HWY_INLINE void anchored_exp_columns_fp32(float* HWY_RESTRICT cells, std::int64_t stride, std::int64_t rows,
                                          std::int64_t columns, const double* HWY_RESTRICT anchors,
                                          double* HWY_RESTRICT sums) {
    const hn::ScalableTag<float> d;
    const hn::RepartitionToWide<decltype(d)> wide;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)),
                       half = static_cast<std::int64_t>(hn::Lanes(wide));
    HWY_ALIGN float offsets[row_padding];
    for (std::int64_t b = 0; b < columns; b += lanes) {
        for (std::int64_t q = 0; q < lanes; ++q) offsets[q] = static_cast<float>(anchors[b + q] * log2_e);
        const auto offset = hn::Load(d, offsets);
        auto low = hn::LoadU(wide, sums + b), high = hn::Zero(wide);
        if (half < lanes) high = hn::LoadU(wide, sums + b + half);
        float* HWY_RESTRICT place = cells + b;
        std::int64_t v = 0;
        for (; v + 4 <= rows; v += 4, place += 4 * stride)
            add_halves(wide, exp_of_four(d, place, stride, offset), low, high);
        auto rest = hn::Zero(d);  // at most three more
        for (; v < rows; ++v, place += stride) rest = hn::Add(rest, exp_of_one(d, place, offset));
        add_halves(wide, rest, low, high);
        hn::StoreU(low, wide, sums + b);
        if (half < lanes) hn::StoreU(high, wide, sums + b + half);
    }
}

HWY_INLINE void anchored_exp_columns_fp64(double* HWY_RESTRICT cells, std::int64_t stride, std::int64_t rows,
                                          std::int64_t columns, const double* HWY_RESTRICT anchors,
                                          double* HWY_RESTRICT sums) {
    const hn::ScalableTag<double> d;
    for (std::int64_t b = 0; b < columns; b += static_cast<std::int64_t>(hn::Lanes(d))) {
        const auto offset = hn::Mul(hn::LoadU(d, anchors + b), hn::Set(d, log2_e));
        auto sum = hn::LoadU(d, sums + b);
        double* HWY_RESTRICT place = cells + b;
        std::int64_t v = 0;
        for (; v + 4 <= rows; v += 4, place += 4 * stride)
            sum = hn::Add(sum, exp_of_four(d, place, stride, offset));
        for (; v < rows; ++v, place += stride) sum = hn::Add(sum, exp_of_one(d, place, offset));
        hn::StoreU(sum, d, sums + b);
    }
}

template <class T>
HWY_INLINE void add_spreads_of(const T* HWY_RESTRICT cells, std::int64_t stride, std::int64_t rows,
                               std::int64_t columns, const double* HWY_RESTRICT means,
                               double* HWY_RESTRICT maximum, double* HWY_RESTRICT square) {
    const hn::ScalableTag<double> d;
    const hn::Rebind<T, decltype(d)> cell;
    const auto nothing = hn::Set(d, -std::numeric_limits<double>::infinity());
    for (std::int64_t b = 0; b < columns; b += static_cast<std::int64_t>(hn::Lanes(d))) {
        const auto mean = hn::LoadU(d, means + b);
        auto most = hn::LoadU(d, maximum + b), sum = hn::LoadU(d, square + b);
        const T* HWY_RESTRICT place = cells + b;
        for (std::int64_t v = 0; v < rows; ++v, place += stride) {
            const auto loaded = hn::LoadU(cell, place);
            hn::Vec<decltype(d)> value;
            if constexpr (sizeof(T) == sizeof(double))
                value = loaded;
            else
                value = hn::PromoteTo(d, loaded);
            most = hn::Max(value, most);  // NaN leaves what there is, as in exp2
            const auto difference = hn::Sub(value, mean);
            sum = hn::Add(sum, hn::IfThenZeroElse(hn::Eq(value, nothing), hn::Mul(difference, difference)));
        }
        hn::StoreU(most, d, maximum + b);
        hn::StoreU(sum, d, square + b);
    }
}
HWY_INLINE void add_spreads_fp32(const float* cells, std::int64_t stride, std::int64_t rows,
                                 std::int64_t columns, const double* means, double* maximum, double* square) {
    add_spreads_of(cells, stride, rows, columns, means, maximum, square);
}
HWY_INLINE void add_spreads_fp64(const double* cells, std::int64_t stride, std::int64_t rows,
                                 std::int64_t columns, const double* means, double* maximum, double* square) {
    add_spreads_of(cells, stride, rows, columns, means, maximum, square);
}

HWY_INLINE void log1p_row_fp64(double* HWY_RESTRICT row, std::int64_t size) {
    const hn::ScalableTag<double> d;
    for (std::int64_t i = 0; i < size; i += static_cast<std::int64_t>(hn::Lanes(d))) {
        const auto x = hn::LoadU(d, row + i);
        // The library's result for NaN and infinity is not ours to rely on: those pass through.
        const auto finite = hn::Lt(x, hn::Set(d, std::numeric_limits<double>::infinity()));
        hn::StoreU(hn::IfThenElse(finite, hn::Log1p(d, x), x), d, row + i);
    }
}

HWY_INLINE void label_row_fp64(const double* HWY_RESTRICT q_row, const double* HWY_RESTRICT probs,
                               double* HWY_RESTRICT delta_row, double* HWY_RESTRICT residual_row,
                               std::int64_t size) {
    // 1/n! for n = 2 … 14: expm1(δ) − δ = δ² (1/2! + δ/3! + …), below 1e-17 relative at |δ| = 1/4.
    constexpr double inverse_factorials[] = {
        1.0 / 2,         1.0 / 6,          1.0 / 24,         1.0 / 120,     1.0 / 720,
        1.0 / 5040,      1.0 / 40320,      1.0 / 362880,     1.0 / 3628800, 1.0 / 39916800,
        1.0 / 479001600, 1.0 / 6227020800, 1.0 / 87178291200};
    const hn::ScalableTag<double> d;
    for (std::int64_t i = 0; i < size; i += static_cast<std::int64_t>(hn::Lanes(d))) {
        const auto q = hn::LoadU(d, q_row + i), p = hn::LoadU(d, probs + i),
                   delta = hn::LoadU(d, delta_row + i);
        auto series = hn::Set(d, inverse_factorials[12]);
        for (int n = 11; n >= 0; --n) series = hn::MulAdd(series, delta, hn::Set(d, inverse_factorials[n]));
        series = hn::Mul(series, hn::Mul(delta, delta));
        const auto small = hn::Lt(hn::Abs(delta), hn::Set(d, 0.25));
        const auto difference = hn::Sub(q, p);
        hn::StoreU(hn::IfThenElse(small, hn::Mul(p, hn::Add(delta, series)), difference), d,
                   residual_row + i);
        hn::StoreU(hn::IfThenElse(small, hn::Mul(p, series), hn::Sub(difference, hn::Mul(p, delta))), d,
                   delta_row + i);
    }
}

}  // namespace ntpgeo::softmax::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ntpgeo::softmax {

HWY_EXPORT(anchored_exp_row_fp32);
HWY_EXPORT(anchored_exp_row_fp64);
HWY_EXPORT(anchored_exp_columns_fp32);
HWY_EXPORT(anchored_exp_columns_fp64);
HWY_EXPORT(add_spreads_fp32);
HWY_EXPORT(add_spreads_fp64);
HWY_EXPORT(log1p_row_fp64);
HWY_EXPORT(label_row_fp64);

double anchored_exp_row(float* row, std::int64_t size, double anchor) {
    return HWY_DYNAMIC_DISPATCH(anchored_exp_row_fp32)(row, size, anchor);
}
double anchored_exp_row(double* row, std::int64_t size, double anchor) {
    return HWY_DYNAMIC_DISPATCH(anchored_exp_row_fp64)(row, size, anchor);
}
void anchored_exp_columns(float* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                          const double* anchors, double* sums) {
    HWY_DYNAMIC_DISPATCH(anchored_exp_columns_fp32)(cells, stride, rows, columns, anchors, sums);
}
void anchored_exp_columns(double* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                          const double* anchors, double* sums) {
    HWY_DYNAMIC_DISPATCH(anchored_exp_columns_fp64)(cells, stride, rows, columns, anchors, sums);
}
void add_spreads(const float* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                 const double* means, double* maximum, double* square) {
    HWY_DYNAMIC_DISPATCH(add_spreads_fp32)(cells, stride, rows, columns, means, maximum, square);
}
void add_spreads(const double* cells, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                 const double* means, double* maximum, double* square) {
    HWY_DYNAMIC_DISPATCH(add_spreads_fp64)(cells, stride, rows, columns, means, maximum, square);
}
void log1p_row(double* row, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(log1p_row_fp64)(row, size);
}
void label_row(const double* q, const double* probs, double* delta, double* residual, std::int64_t size) {
    HWY_DYNAMIC_DISPATCH(label_row_fp64)(q, probs, delta, residual, size);
}

void support_softmax(const LabelsView& labels, std::int64_t begin, std::int64_t contexts,
                     SupportRounding rounding, const SupportEntries& entries, SupportTerms* terms,
                     double* log_sums) {
    const std::int64_t base = labels.indptr[begin], count = labels.indptr[begin + contexts] - base;
    const double* const log_probs = labels.log_probs + base;
    const auto first_of = [&](std::int64_t b) { return labels.indptr[begin + b] - base; };
    const bool reciprocal = rounding == SupportRounding::reciprocal;
    double* const delta = entries.logits;
    double* const q = entries.q;
    for (std::int64_t b = 0; b < contexts; ++b) {
        const std::int64_t first = first_of(b), end = first_of(b + 1);
        double maximum = delta[first];
        for (std::int64_t s = first + 1; s < end; ++s) maximum = std::max(maximum, delta[s]);
        for (std::int64_t s = first; s < end; ++s) q[s] = delta[s] - maximum;
        terms[b].anchor = maximum;
    }
    std::copy_n(labels.probs + base, count, entries.probs);
    // What the passes find behind the entries are numbers too.
    for (double* const row : {delta, q, entries.probs}) std::fill_n(row + count, row_padding, 1.0);
    if (reciprocal)
        for (std::int64_t s = 0; s < count; ++s) delta[s] = q[s] - log_probs[s];
    else
        std::copy_n(q, count, delta);
    anchored_exp_row(q, padded(count), 0);
    for (std::int64_t b = 0; b < contexts; ++b) {
        const std::int64_t first = first_of(b), end = first_of(b + 1);
        double sum = 0;
        for (std::int64_t s = first; s < end; ++s) sum += q[s];
        // The largest term is exactly 1: a support of one token has δ = 0 to the last bit.
        const double log_sum = std::log(sum), inverse = 1 / sum;
        terms[b].anchor += log_sum;
        if (log_sums) log_sums[b] = log_sum;
        for (std::int64_t s = first; s < end; ++s) {
            q[s] = reciprocal ? q[s] * inverse : q[s] / sum;
            delta[s] -= reciprocal ? log_sum : log_sum + log_probs[s];
        }
    }
    label_row(q, entries.probs, delta, entries.residual, count);
    for (std::int64_t b = 0; b < contexts; ++b) {
        terms[b].excess = 0;
        for (std::int64_t s = first_of(b); s < first_of(b + 1); ++s) terms[b].excess += delta[s];
    }
}

}  // namespace ntpgeo::softmax
#endif  // HWY_ONCE
