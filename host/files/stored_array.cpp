#include "host/files/stored_array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "host/files/file_error.hpp"
#include "host/files/npy_header.hpp"
#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// Whole numbers of `source`, `bytes` each, least significant byte first.
template <class Stored>
void widen(const std::vector<std::byte>& source, std::span<std::int64_t> target) {
    for (std::size_t i = 0; i < target.size(); ++i) {
        Stored stored;
        std::memcpy(&stored, source.data() + i * sizeof(Stored), sizeof(Stored));
        target[i] = static_cast<std::int64_t>(stored);
    }
}

template <class Signed, class Unsigned>
void widen(bool is_signed, const std::vector<std::byte>& source, std::span<std::int64_t> target) {
    if (is_signed)
        widen<Signed>(source, target);
    else
        widen<Unsigned>(source, target);
}

}  // namespace

ArrayName array_name(const std::string& argument, const std::string& what) {
    if (argument.ends_with(".npy")) return {argument, ""};
    constexpr std::string_view extension = ".safetensors";
    const auto separator = argument.find(".safetensors:");
    const std::string refusal = fmt::format("'{}' names no {}; give F.npy or F.safetensors:NAME",
                                            printable(std::string_view(argument)), what);
    if (separator == std::string::npos && !argument.ends_with(extension)) throw InputError(refusal);
    const std::size_t colon = separator == std::string::npos ? argument.size() : separator + extension.size();
    const std::string file = argument.substr(0, colon);
    if (colon + 1 >= argument.size())
        throw InputError(fmt::format("{}; the file holds {}", refusal, SafetensorsFile(file).tensor_names()));
    return {file, argument.substr(colon + 1)};
}

StoredArray::StoredArray(const ArrayName& array, std::size_t dimensions, const std::string& shape_in_words)
    : file_(array.file), name_(file_.name()) {
    if (array.tensor.empty())
        open_npy();
    else
        open_tensor(array);
    if (shape_.size() != dimensions)
        throw InputError(
            fmt::format("{}: has shape {}; it must be {}", name_, shape_text(shape_), shape_in_words));
    if (fortran_order_ && dimensions > 1)
        throw InputError(fmt::format(
            "{}: is in Fortran order; write it row by row, as numpy.ascontiguousarray has it", name_));
    std::uint64_t bytes = bytes_;
    for (const std::int64_t length : shape_)
        if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(length), &bytes))
            throw InputError(fmt::format("{}: its shape {} is impossibly large", name_, shape_text(shape_)));
    if (const std::uint64_t held = file_.size() - offset_; array.tensor.empty() && held != bytes)
        throw InputError(fmt::format("{}: {}: its shape {} needs {} bytes of data, the file holds {}", name_,
                                     held < bytes ? "truncated" : "too long", shape_text(shape_), bytes,
                                     held));
}

void StoredArray::open_npy() {
    const NpyHeader header = read_npy_header(file_);
    dtype_ = header.descr;
    shape_ = header.shape;
    offset_ = header.data_offset;
    fortran_order_ = header.fortran_order;
    const auto number = npy_number(dtype_);
    if (!number) refuse("an array of whole or floating-point numbers");
    order_ = number->order;
    take_dtype(std::string(1, number->kind), number->bytes);
    if (!number->names_order && bytes_ > 1) refuse("one of a named byte order");
}

void StoredArray::open_tensor(const ArrayName& array) {
    const SafetensorsFile tensors(array.file);
    const TensorInfo& info = tensors.find(array.tensor);
    name_ = fmt::format("{}: tensor '{}'", file_.name(), printable(std::string_view(array.tensor)));
    dtype_ = info.dtype;
    shape_ = info.shape;
    offset_ = tensors.offset_of(info);
    // "F32", "BF16", "U8": kind, bits.
    const std::size_t digits = dtype_.find_first_of("0123456789");
    const std::string bits = digits == std::string::npos ? "" : dtype_.substr(digits);
    std::string kind = dtype_.substr(0, std::min(digits, dtype_.size()));
    std::transform(kind.begin(), kind.end(), kind.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    take_dtype(kind, bits == "8" ? 1 : bits == "16" ? 2 : bits == "32" ? 4 : bits == "64" ? 8 : 0);
}

void StoredArray::take_dtype(const std::string& kind, std::size_t bytes) {
    const bool whole = kind == "i" || kind == "u";
    const bool known = whole         ? bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8
                       : kind == "f" ? bytes == 2 || bytes == 4 || bytes == 8
                                     : kind == "bf" && bytes == 2;
    if (!known) refuse("an array of whole or floating-point numbers");
    kind_ = kind == "i"   ? Kind::signed_whole
            : kind == "u" ? Kind::unsigned_whole
            : kind == "f" ? Kind::ieee
                          : Kind::bfloat;
    bytes_ = bytes;
}

void StoredArray::refuse(const std::string& right) const {
    throw InputError(
        fmt::format("{}: has dtype {}; it must be {}", name_, printable(std::string_view(dtype_)), right));
}

void StoredArray::require_whole_numbers() const {
    if (kind_ != Kind::signed_whole && kind_ != Kind::unsigned_whole)
        refuse("an array of whole numbers (int32, int64)");
}

void StoredArray::require_floats() const {
    if (kind_ != Kind::ieee && kind_ != Kind::bfloat)
        refuse("an array of floating-point numbers (fp16, bf16 in safetensors, fp32, fp64)");
}

void StoredArray::read(std::int64_t begin, std::span<std::int64_t> target) const {
    require_whole_numbers();
    std::vector<std::byte> stored(target.size() * bytes_);
    file_.read(offset_ + static_cast<std::uint64_t>(begin) * bytes_, stored);
    if (order_ == std::endian::big) swap_bytes(stored, bytes_);
    const bool is_signed = kind_ == Kind::signed_whole;
    if (bytes_ == 1) widen<std::int8_t, std::uint8_t>(is_signed, stored, target);
    if (bytes_ == 2) widen<std::int16_t, std::uint16_t>(is_signed, stored, target);
    if (bytes_ == 4) widen<std::int32_t, std::uint32_t>(is_signed, stored, target);
    if (bytes_ == 8) widen<std::int64_t, std::uint64_t>(is_signed, stored, target);
    if (is_signed || bytes_ < 8) return;
    const auto wrapped = std::find_if(target.begin(), target.end(), [](std::int64_t x) { return x < 0; });
    if (wrapped != target.end())
        throw InputError(fmt::format("{}: entry {} is {}; it must be below 2^63", name_,
                                     begin + (wrapped - target.begin()),
                                     static_cast<std::uint64_t>(*wrapped)));
}

void StoredArray::read(std::int64_t begin, std::span<double> target) const {
    require_floats();
    const FloatFormat format = kind_ == Kind::bfloat ? FloatFormat::bf16
                               : bytes_ == 2         ? FloatFormat::f16
                               : bytes_ == 4         ? FloatFormat::f32
                                                     : FloatFormat::f64;
    const std::vector<double> values = read_widened(
        file_, offset_ + static_cast<std::uint64_t>(begin) * bytes_, target.size(), format, order_);
    std::copy(values.begin(), values.end(), target.begin());
}

double StoredArray::roundoff() const {
    const int digits = kind_ == Kind::bfloat ? 8
                       : bytes_ == 2         ? 11
                       : bytes_ == 4         ? std::numeric_limits<float>::digits
                                             : std::numeric_limits<double>::digits;
    return std::ldexp(1.0, -digits);
}

}  // namespace ntpgeo
