// The first product of a loss step with the exponential in its epilogue (design 4.1, "On Hopper and
// Blackwell"): the logits are never stored. Three files define these two functions and a library links one of
// them: epilogue_product_cutlass.cu (Hopper, Blackwell), epilogue_product_missing.cu (a build without
// CUTLASS) and epilogue_product_twin.cu (ordinary kernels, for the emulated device).
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "kernels/anchored_xent/epilogue_tile.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo::anchored_xent::cuda {

/// From one tile's partial sums to the next one's, in numbers: a tile holds 128 contexts.
constexpr std::int64_t partials_stride(std::int64_t contexts) {
    return (contexts + 127) / 128 * 128;
}

/// exponentials[b, v] = bf16(2^{log2 e · ⟨h_b, w_v⟩ − log2_anchors[b]}), with dot products and exponents in
/// fp32, for every context b and every word v, padding and supports included; partials[t, b] is the sum over
/// the words of tile t of the exponentials as rounded, in fp32 in a fixed order. What partials hold between
/// `rows` and their stride is undefined.
struct EpilogueProduct {
    const __nv_bfloat16* contexts;  // [rows, dim]
    const __nv_bfloat16* words;     // [columns, dim]
    const float* log2_anchors;      // [rows]
    __nv_bfloat16* exponentials;    // [rows, columns]
    float* partials;                // [columns / the tile's words, partials_stride(rows)]
    std::int64_t rows, columns, dim;
    int multiprocessors;
    int tile;  ///< which of epilogue_tiles
};

inline std::int64_t tile_words(const EpilogueProduct& product) {
    return epilogue_tiles[product.tile].words;
}

/// Why the device selected now cannot run it: one clause without a full stop; empty where it can.
std::string why_no_epilogue_product();

/// Queues it on `stream`; takes no memory. Throws Failure where the arguments break the rules below or the
/// library refuses them.
void epilogue_product(const EpilogueProduct& product, cudaStream_t stream);

/// The copy engine wants 16-byte addresses and row strides that are a multiple of 16 bytes. CUTLASS lets
/// others pass, and the engine then reads something else.
inline void check_epilogue_product(const EpilogueProduct& product) {
    const auto aligned = [](const void* pointer) {
        return pointer != nullptr && reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
    };
    constexpr std::int64_t most = 0x7fffffff;  // sizes of a tensor map's coordinates
    const char* const broken =
        std::min({product.rows, product.columns, product.dim}) <= 0           ? "an empty side"
        : std::max({product.rows, product.columns, product.dim}) > most - 256 ? "a side past 2^31"
        : product.dim % 8 != 0                                                ? "dim is no multiple of 8"
        : product.columns % tile_words(product) != 0                          ? "columns are no whole tiles"
        : !aligned(product.contexts) || !aligned(product.words)        ? "an operand is not 16-byte aligned"
        : !aligned(product.exponentials) || !aligned(product.partials) ? "an output is not 16-byte aligned"
        : !aligned(product.log2_anchors)                               ? "anchors are not 16-byte aligned"
                                                                       : nullptr;
    if (broken)
        throw Failure("the product with exponentials in its epilogue: " + std::string(broken) + " (rows " +
                      std::to_string(product.rows) + ", columns " + std::to_string(product.columns) +
                      ", dim " + std::to_string(product.dim) + ")");
}

}  // namespace ntpgeo::anchored_xent::cuda
