// NumPy's .npy format: a magic string, a Python dictionary literal with dtype, order and shape, then the raw
// array.
#pragma once

#include <filesystem>

#include "host/files/host_matrix.hpp"

namespace ntpgeo {

/// Reads a 2-D array of little-endian fp16, fp32 or fp64 ('<f2', '<f4', '<f8'; format versions 1 to 3; C or
/// Fortran order), converted to double exactly and row-major. Throws InputError, one line with the path, for
/// anything else: another file format, dtype or rank, a file that is truncated or has trailing bytes.
HostMatrix read_npy(const std::filesystem::path& path);

}  // namespace ntpgeo
