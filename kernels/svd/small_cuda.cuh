// The CUDA twins of small.hpp: host matrices are decomposed by cuSOLVER on the GPU.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/device/device.cuh"
#include "kernels/svd/small.hpp"

namespace ntpgeo::svd_cuda {

/// Throws Failure where cuSOLVER does not converge.
SymmetricEigen symmetric_eigen(device::Device& device, const std::vector<double>& matrix, std::int64_t n,
                               Real real);
/// Throws Failure where cuSOLVER does not converge.
SmallSvd small_svd(device::Device& device, const std::vector<double>& matrix, std::int64_t rows,
                   std::int64_t columns);

}  // namespace ntpgeo::svd_cuda
