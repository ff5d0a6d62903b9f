// A matrix that somebody else made (a network's head, its hidden states), named on the command line: a .npy
// file or a tensor of a safetensors file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ntpgeo {

struct HostMatrix {
    std::int64_t rows = 0, columns = 0;
    std::vector<double> values;  ///< [rows, columns] row-major
};

/// Reads a 2-D array of fp16, fp32 or fp64 of either byte order ('<f2', '<f4', '<f8', '>f2', '>f4', '>f8';
/// format versions 1 to 3; C or Fortran order; dimensions as Python 2 wrote long ones, 5L, too), converted to
/// double exactly and row-major. Throws InputError, one line with the path, for anything else: another file
/// format, dtype or rank, a file that is truncated or has trailing bytes.
HostMatrix read_npy(const std::filesystem::path& path);

/// Reads `F.npy` or `F.safetensors:NAME` (design 2.1, analyze): a 2-D array of fp16, fp32, fp64, or bf16
/// (safetensors only), converted to double exactly. Throws InputError where the argument has neither form
/// (of a safetensors file without NAME, with the names that it has), the file is not as it should be, the
/// matrix has no row or no column, or an entry is not finite or above 1e70 in absolute value (its position is
/// named).
HostMatrix read_matrix(const std::string& argument);

}  // namespace ntpgeo
