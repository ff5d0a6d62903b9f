// A matrix in a .npy file: its header, then the raw array.
#include "host/files/matrix_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "host/files/file_error.hpp"
#include "host/files/input_file.hpp"
#include "host/files/npy_header.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

struct NumberFormat {
    FloatFormat format;
    std::endian order;
};

NumberFormat format_of(const std::string& descr, const std::string& name) {
    const auto number = npy_number(descr);
    if (number && number->names_order && number->kind == 'f')
        for (const FloatFormat format : {FloatFormat::f16, FloatFormat::f32, FloatFormat::f64})
            if (size_of(format) == number->bytes) return {format, number->order};
    throw InputError(
        fmt::format("{}: has dtype '{}'; it must be fp16, fp32 or fp64 of a named byte order (<f2, <f4, <f8, "
                    ">f2, >f4, >f8)",
                    name, printable(std::string_view(descr))));
}

std::vector<double> transposed(const std::vector<double>& source, std::int64_t rows, std::int64_t columns) {
    std::vector<double> target(source.size());
    constexpr std::int64_t tile = 32;
    for (std::int64_t row_tile = 0; row_tile < rows; row_tile += tile) {
        const std::int64_t row_end = std::min(rows, row_tile + tile);
        for (std::int64_t column = 0; column < columns; ++column) {
            for (std::int64_t row = row_tile; row < row_end; ++row) {
                target[row * columns + column] = source[column * rows + row];
            }
        }
    }
    return target;
}

}  // namespace

HostMatrix read_npy(const std::filesystem::path& path) {
    const InputFile file(path);
    const NpyHeader header = read_npy_header(file);
    const auto [format, order] = format_of(header.descr, file.name());
    if (header.shape.size() != 2) {
        throw InputError(fmt::format("{}: has shape {}; it must have 2 dimensions and is {}-d", file.name(),
                                     shape_text(header.shape), header.shape.size()));
    }
    const std::int64_t rows = header.shape[0];
    const std::int64_t columns = header.shape[1];
    const auto size = static_cast<std::int64_t>(size_of(format));
    std::int64_t count = 0;
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(rows, columns, &count) || __builtin_mul_overflow(count, size, &bytes)) {
        throw InputError(
            fmt::format("{}: its shape ({}, {}) is impossibly large", file.name(), rows, columns));
    }
    const std::uint64_t held = file.size() - header.data_offset;
    if (held != static_cast<std::uint64_t>(bytes)) {
        throw InputError(fmt::format(
            "{}: {}: its shape ({}, {}) needs {} bytes of data, the file holds {}", file.name(),
            held < static_cast<std::uint64_t>(bytes) ? "truncated" : "too long", rows, columns, bytes, held));
    }
    HostMatrix matrix{rows, columns,
                      read_widened(file, header.data_offset, static_cast<std::size_t>(count), format, order)};
    if (header.fortran_order) matrix.values = transposed(matrix.values, rows, columns);
    return matrix;
}

}  // namespace ntpgeo
