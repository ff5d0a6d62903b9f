// The fused product by CUTLASS: which GPU has it, and the choice of its tile. NTPGEO_EPILOGUE_BLACKWELL says
// whether there is code for compute capability 10.0.
#include <port.cuh>

#include <string>

#include "kernels/anchored_xent/epilogue_launch.cuh"
#include "kernels/device/runtime.cuh"

namespace ntpgeo::anchored_xent::cuda {
namespace {

constexpr int hopper = 90, blackwell = 100;

/// 90 for compute capability 9.0, of the device selected now.
int capability() {
    int device = 0, major = 0, minor = 0;
    NTPGEO_CHECK(cudaGetDevice(&device));
    NTPGEO_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    NTPGEO_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    return 10 * major + minor;
}

}  // namespace

std::string why_no_epilogue_product() {
    const int device = capability();
    if (device == hopper) return "";
    if (device == blackwell)
        return NTPGEO_EPILOGUE_BLACKWELL
                   ? ""
                   : "this build has none for compute capability 10.0 (./dev bundle makes one that has)";
    return "it is made for compute capability 9.0 and 10.0, and this GPU has " + std::to_string(device / 10) +
           "." + std::to_string(device % 10);
}

void epilogue_product(const EpilogueProduct& product, cudaStream_t stream) {
    check_epilogue_product(product);
    using Launch = void(const EpilogueProduct&, cudaStream_t);
    constexpr Launch* on_hopper[] = {launch_epilogue_tile<hopper, 0>, launch_epilogue_tile<hopper, 1>,
                                     launch_epilogue_tile<hopper, 2>};
    if constexpr (NTPGEO_EPILOGUE_BLACKWELL) {  // those below are defined nowhere otherwise
        constexpr Launch* on_blackwell[] = {launch_epilogue_tile<blackwell, 0>,
                                            launch_epilogue_tile<blackwell, 0>,
                                            launch_epilogue_tile<blackwell, 2>};
        if (capability() == blackwell) return on_blackwell[product.tile](product, stream);
    }
    on_hopper[product.tile](product, stream);
}

}  // namespace ntpgeo::anchored_xent::cuda
