// Arithmetic that nvcc supplies by itself: minima and maxima, bit operations, fast-math intrinsics. The fast
// ones are as inexact as their formulas on the device are (__expf(x) is ex2.approx(x·log₂e)).
#pragma once

#include <math.h>  // the C form puts the overloads of exp, log, fma ... in the global namespace, as nvcc does

#include <bit>
#include <cstdint>

#define EMULATED_EXTREMA(T)   \
    inline T min(T a, T b) {  \
        return b < a ? b : a; \
    }                         \
    inline T max(T a, T b) {  \
        return a < b ? b : a; \
    }
EMULATED_EXTREMA(int)
EMULATED_EXTREMA(unsigned)
EMULATED_EXTREMA(long)
EMULATED_EXTREMA(unsigned long)
EMULATED_EXTREMA(long long)
EMULATED_EXTREMA(unsigned long long)
#undef EMULATED_EXTREMA
// Of a NaN and a number the device takes the number.
inline float min(float a, float b) {
    return fminf(a, b);
}
inline float max(float a, float b) {
    return fmaxf(a, b);
}
inline double min(double a, double b) {
    return fmin(a, b);
}
inline double max(double a, double b) {
    return fmax(a, b);
}

template <class T>
T __ldg(const T* address) {
    return *address;
}

inline int __popc(unsigned bits) {
    return std::popcount(bits);
}
inline int __popcll(unsigned long long bits) {
    return std::popcount(bits);
}
inline int __clz(int bits) {
    return std::countl_zero(static_cast<unsigned>(bits));
}
inline int __clzll(long long bits) {
    return std::countl_zero(static_cast<unsigned long long>(bits));
}
inline int __ffs(int bits) {
    return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1;
}
inline int __ffsll(long long bits) {
    return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(bits)) + 1;
}
inline unsigned __umulhi(unsigned a, unsigned b) {
    return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}

inline float __uint_as_float(unsigned bits) {
    return std::bit_cast<float>(bits);
}
inline float __int_as_float(int bits) {
    return std::bit_cast<float>(bits);
}
inline unsigned __float_as_uint(float value) {
    return std::bit_cast<unsigned>(value);
}
inline int __float_as_int(float value) {
    return std::bit_cast<int>(value);
}
inline double __longlong_as_double(long long bits) {
    return std::bit_cast<double>(bits);
}
inline long long __double_as_longlong(double value) {
    return std::bit_cast<long long>(value);
}

// Rounded to nearest, never contracted: -ffp-contract=off holds for every file.
inline float __fadd_rn(float a, float b) {
    return a + b;
}
inline float __fmul_rn(float a, float b) {
    return a * b;
}
inline float __fmaf_rn(float a, float b, float c) {
    return fmaf(a, b, c);
}
inline float __fdiv_rn(float a, float b) {
    return a / b;
}
inline float __fsqrt_rn(float a) {
    return sqrtf(a);
}
inline double __dadd_rn(double a, double b) {
    return a + b;
}
inline double __dmul_rn(double a, double b) {
    return a * b;
}
inline double __fma_rn(double a, double b, double c) {
    return fma(a, b, c);
}
inline float __double2float_rn(double value) {
    return static_cast<float>(value);
}
inline float rsqrtf(float x) {
    return 1 / sqrtf(x);
}
inline double rsqrt(double x) {
    return 1 / sqrt(x);
}

/// 2^x to two ulp, subnormal inputs and results flushed to zero.
inline float exp2_approx(float x) {
    const float power = exp2f(x);
    return power < 0x1p-126f ? 0.0f : power;
}

/// a / b to two ulp, and 0 for 2^126 < |b| < 2^128.
inline float __fdividef(float a, float b) {
    return fabsf(b) > 0x1p126f && !isinf(b) ? a * 0.0f : a / b;
}

// __expf, __exp10f, __logf, __log2f, __log10f and __powf: glibc's math.h declares these names but does not
// define them; the emulator does (fast_math.cpp).
