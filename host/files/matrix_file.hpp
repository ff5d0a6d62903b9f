// A matrix that somebody else made (a network's head, its hidden states), named on the command line.
#pragma once

#include <string>

#include "host/files/host_matrix.hpp"

namespace ntpgeo {

/// Reads `F.npy` or `F.safetensors:NAME` (design 2.1, analyze): a 2-D array of fp16, fp32, fp64, or bf16
/// (safetensors only), converted to double exactly. Throws InputError where the argument has neither form,
/// the file is not as it should be, the matrix has no row or no column, or an entry is not finite or above
/// 1e70 in absolute value (its position is named).
HostMatrix read_matrix(const std::string& argument);

}  // namespace ntpgeo
