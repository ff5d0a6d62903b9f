// The header of NumPy's .npy format: a magic string, a version, then a Python dictionary literal with dtype,
// order and shape.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/files/input_file.hpp"

namespace ntpgeo {

struct NpyHeader {
    std::string descr;  ///< as NumPy spells the dtype, "<f8"
    bool fortran_order = false;
    std::vector<std::int64_t> shape;
    std::uint64_t data_offset = 0;  ///< bytes of the file before the array
};

/// Reads and checks the header; that the array is there is for the caller to see. Throws InputError.
NpyHeader read_npy_header(const InputFile& file);

/// A number by its dtype: "<f4", "|u1".
struct NpyNumber {
    char kind;  ///< 'u', 'i', 'f', or another letter
    std::size_t bytes;
    std::endian order;
    bool names_order;  ///< '|' names none, which says enough of one byte alone
};

/// None where it is no number of 1 to 8 bytes.
std::optional<NpyNumber> npy_number(const std::string& descr);

/// As Python writes a tuple: (), (3,), (3, 4).
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace ntpgeo
