// Matrices as somebody else keeps them: a training framework's tensors, say, each in a type of its own and
// with room between its rows. And the two 16-bit types for code that has no hardware for them.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {

/// The type of stored numbers, apart from the master's: bfloat16, IEEE half, single, double.
enum class Storage { bf16, fp16, fp32, fp64 };

constexpr std::int64_t bytes_of(Storage storage) {
    return storage == Storage::fp64 ? 8 : storage == Storage::fp32 ? 4 : 2;
}
constexpr Storage storage_of(Real real) {
    return real == Real::fp64 ? Storage::fp64 : Storage::fp32;
}

/// Row-major: row i begins i·stride elements after the first, stride ≥ columns. What lies between rows is
/// neither read nor written. Null data: none.
struct StoredMatrix {
    void* data = nullptr;
    Storage storage = Storage::fp64;
    std::int64_t rows = 0, columns = 0, stride = 0;

    [[nodiscard]] StoredMatrix from_row(std::int64_t row) const {
        return {static_cast<char*>(data) + row * stride * bytes_of(storage), storage, rows - row, columns,
                stride};
    }
    friend bool operator==(const StoredMatrix&, const StoredMatrix&) = default;
};
inline StoredMatrix stored(const Matrix& matrix) {
    return {matrix.data, storage_of(matrix.real), matrix.rows, matrix.columns, matrix.columns};
}

/// bfloat16 is the upper half of a single.
inline float widened_bf16(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
/// To the nearest, ties to even. A NaN is 0x7fff.
inline std::uint16_t rounded_bf16(float value) {
    if (std::isnan(value)) return 0x7fff;
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

/// IEEE binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction.
inline float widened_fp16(std::uint16_t bits) {
    const std::uint32_t sign = (bits & 0x8000U) << 16, exponent = bits >> 10 & 0x1fU,
                        fraction = bits & 0x3ffU;
    if (exponent == 0)  // subnormal, or zero
        return std::copysign(std::ldexp(static_cast<float>(fraction), -24), std::bit_cast<float>(sign));
    const std::uint32_t wide = exponent == 0x1f ? 0xffU : exponent + (127 - 15);
    return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}
/// To the nearest, ties to even; from 65520 on infinity. A NaN is 0x7fff.
inline std::uint16_t rounded_fp16(float value) {
    if (std::isnan(value)) return 0x7fff;
    const float magnitude = std::fabs(value);
    std::uint32_t half = 0x7c00;
    if (magnitude < 0x1p-14F) {
        half = static_cast<std::uint32_t>(std::nearbyint(magnitude * 0x1p24F));
    } else if (magnitude < 65520.0F) {
        const auto bits = std::bit_cast<std::uint32_t>(magnitude);
        half = ((bits + 0xfffU + (bits >> 13 & 1U)) >> 13) - ((127U - 15U) << 10);
    }
    return static_cast<std::uint16_t>(half | (std::signbit(value) ? 0x8000U : 0U));
}

}  // namespace ntpgeo
