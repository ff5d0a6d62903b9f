#include "host/files/float_format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

namespace ntpgeo {
namespace {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and read without swapping");

// IEEE 754 binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits.
double from_half(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 0x1f;
    const int fraction = bits & 0x3ff;
    double magnitude = 0;
    if (exponent == 0x1f) {
        magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                                  : std::numeric_limits<double>::quiet_NaN();
    } else if (exponent == 0) {
        magnitude = std::ldexp(fraction, -24);
    } else {
        magnitude = std::ldexp(fraction + 0x400, exponent - 25);
    }
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// bfloat16 is the upper half of a single.
double from_bfloat16(std::uint16_t bits) {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

double from_single(float value) {
    return static_cast<double>(value);
}

template <class Stored, class Convert>
void widen(std::span<const std::byte> source, double* target, Convert convert) {
    const std::size_t count = source.size() / sizeof(Stored);
    for (std::size_t i = 0; i < count; ++i) {
        Stored stored;
        std::memcpy(&stored, source.data() + i * sizeof(Stored), sizeof(Stored));
        target[i] = convert(stored);
    }
}

}  // namespace

std::size_t size_of(FloatFormat format) {
    switch (format) {
        case FloatFormat::f16:
        case FloatFormat::bf16:
            return 2;
        case FloatFormat::f32:
            return 4;
        case FloatFormat::f64:
            break;
    }
    return 8;
}

std::vector<double> read_widened(const InputFile& file, std::uint64_t offset, std::size_t count,
                                 FloatFormat format) {
    std::vector<double> values(count);
    if (format == FloatFormat::f64) {
        file.read(offset, std::as_writable_bytes(std::span(values)));
        return values;
    }
    constexpr std::size_t block = 1 << 18;
    const std::size_t size = size_of(format);
    std::vector<std::byte> buffer(std::min(count, block) * size);
    for (std::size_t begin = 0; begin < count; begin += block) {
        const std::span<std::byte> bytes = std::span(buffer).first(std::min(block, count - begin) * size);
        file.read(offset + begin * size, bytes);
        double* target = values.data() + begin;
        if (format == FloatFormat::f16) widen<std::uint16_t>(bytes, target, from_half);
        if (format == FloatFormat::bf16) widen<std::uint16_t>(bytes, target, from_bfloat16);
        if (format == FloatFormat::f32) widen<float>(bytes, target, from_single);
    }
    return values;
}

}  // namespace ntpgeo
