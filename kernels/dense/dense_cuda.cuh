// The CUDA twins of dense.hpp: cuBLAS and cuSOLVER where they fit, and sums in a fixed order that
// follows from the shapes alone. Everything is queued on the device's stream; only `orthonormalise` waits.
#pragma once

#include "kernels/dense/dense.hpp"
#include "kernels/device/device.cuh"

namespace ntpgeo::dense_cuda {

void multiply(device::Device& device, const Product& product, double alpha, Matrix a, Matrix b, double beta,
              Matrix c);
/// Symmetric to the last bit. cuBLAS's sums; what is queued on one stream has the same bits every time.
void gram(device::Device& device, Matrix a, bool of_columns, Matrix c);
void column_means(device::Device& device, Matrix a, Vector means);
void column_squares(device::Device& device, Matrix a, Vector squares);
void subtract_row(device::Device& device, Vector row, Matrix a);
/// The signs of the basis vectors are cuSOLVER's. Throws Failure where it reports an error.
void orthonormalise(device::Device& device, Matrix a);

}  // namespace ntpgeo::dense_cuda
