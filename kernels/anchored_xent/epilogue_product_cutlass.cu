// The fused product for Hopper, by CUTLASS: which GPU has it, and the choice of its tile.
#include <port.cuh>

#include <string>

#include "kernels/anchored_xent/epilogue_launch.cuh"
#include "kernels/device/runtime.cuh"

namespace ntpgeo::anchored_xent::cuda {

std::string why_no_epilogue_product() {
    int device = 0, major = 0, minor = 0;
    NTPGEO_CHECK(cudaGetDevice(&device));
    NTPGEO_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    NTPGEO_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    if (major == 9 && minor == 0) return "";
    return "it is made for compute capability 9.0, and this GPU has " + std::to_string(major) + "." +
           std::to_string(minor);
}

void epilogue_product(const EpilogueProduct& product, cudaStream_t stream) {
    check_epilogue_product(product);
    constexpr void (*launches[])(const EpilogueProduct&, cudaStream_t) = {
        launch_epilogue_tile<0>, launch_epilogue_tile<1>, launch_epilogue_tile<2>};
    launches[product.tile](product, stream);
}

}  // namespace ntpgeo::anchored_xent::cuda
