// The fused product by ordinary kernels, for the emulated device: the same numbers but for the order of the
// dot products' and of the tiles' sums.
#include <port.cuh>

#include "kernels/anchored_xent/epilogue_product.cuh"
#include "kernels/device/runtime.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::anchored_xent::cuda {
/// A block a tile of one context, a thread a word. Grid (tiles, rows).
__global__ void __launch_bounds__(most_epilogue_words)
    epilogue_product_kernel(EpilogueProduct p, std::int64_t partials_stride) {
    SHARED_ARRAY(float, scratch, 32);
    const std::int64_t b = blockIdx.y, v = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    float logit = 0;
    for (std::int64_t k = 0; k < p.dim; ++k)
        logit = fmaf(__bfloat162float(p.words[v * p.dim + k]), __bfloat162float(p.contexts[b * p.dim + k]),
                     logit);
    const float power = exp2_approx(fmaf(logit, 1.4426950408889634F, -p.log2_anchors[b]));
    const __nv_bfloat16 rounded = __float2bfloat16_rn(power);
    p.exponentials[b * p.columns + v] = rounded;
    const float sum = device::block_sum(__bfloat162float(rounded), scratch);
    if (threadIdx.x == 0) p.partials[blockIdx.x * partials_stride + b] = sum;
}

std::string why_no_epilogue_product() {
    return "";
}

void epilogue_product(const EpilogueProduct& product, cudaStream_t stream) {
    check_epilogue_product(product);
    NTPGEO_CHECK(launch(epilogue_product_kernel,
                        dim3(static_cast<unsigned>(product.columns / tile_words(product)),
                             static_cast<unsigned>(product.rows)),
                        dim3(static_cast<unsigned>(tile_words(product))), 0, stream, product,
                        partials_stride(product.rows)));
}

}  // namespace ntpgeo::anchored_xent::cuda
