// The fused product in a build without CUTLASS: there is none, and it says so.
#include "kernels/anchored_xent/epilogue_product.cuh"

namespace ntpgeo::anchored_xent::cuda {

std::string why_no_epilogue_product() {
    return "this build of ntpgeo has no CUTLASS";
}

void epilogue_product(const EpilogueProduct& product, cudaStream_t) {
    check_epilogue_product(product);
    throw Failure("the product with exponentials in its epilogue: " + why_no_epilogue_product());
}

}  // namespace ntpgeo::anchored_xent::cuda
