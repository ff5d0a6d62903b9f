// Floating-point numbers as files hold them, widened to double without loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "host/files/input_file.hpp"

namespace ntpgeo {

/// The little-endian formats that a matrix may come in: IEEE half, bfloat16, single, double.
enum class FloatFormat { f16, bf16, f32, f64 };

/// Bytes of one number.
std::size_t size_of(FloatFormat format);

/// `count` numbers that begin at byte `offset` of `file`, each converted to double exactly (infinities and
/// NaN stay what they are). The range must lie in the file, or InputError is thrown as by InputFile::read.
std::vector<double> read_widened(const InputFile& file, std::uint64_t offset, std::size_t count,
                                 FloatFormat format);

}  // namespace ntpgeo
