// W and H in master precision → the padded operands of the GEMMs.
#pragma once

#include <port.cuh>

#include "kernels/anchored_xent/arithmetic_cuda.cuh"
#include "kernels/device/status.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// How the terms of a factor stand side by side in a row. For bf16x3 one product over three times the width
/// gives Σ w₁h₁ + w₂h₁ + w₁h₂: words hold [w₁ | w₂ | w₁] and contexts [h₁ | h₁ | h₂].
enum class Side { words, contexts };

template <class A>
inline constexpr std::int64_t copies = A::terms == 2 ? 3 : 1;

/// to [padded_rows, copies·padded_columns] ← from [rows, columns], zeros in the padding.
template <class A, class T, Side side>
__global__ void __launch_bounds__(128)
    convert_kernel(const T* __restrict__ from, typename A::Operand* __restrict__ to, std::int64_t rows,
                   std::int64_t columns, std::int64_t padded_columns) {
    const std::int64_t row = blockIdx.x;
    typename A::Operand* const out = to + row * copies<A> * padded_columns;
    for (std::int64_t k = threadIdx.x; k < padded_columns; k += blockDim.x) {
        const bool inside = row < rows && k < columns;
        const Terms<A> terms(inside ? static_cast<typename A::Logit>(from[row * columns + k])
                                    : typename A::Logit{0});
        out[k] = terms.term[0];
        if constexpr (A::terms == 2) {
            out[padded_columns + k] = terms.term[side == Side::words ? 1 : 0];
            out[2 * padded_columns + k] = terms.term[side == Side::words ? 0 : 1];
        }
    }
}

template <class A, class T, Side side>
void convert(const T* from, typename A::Operand* to, std::int64_t rows, std::int64_t columns,
             std::int64_t padded_rows, std::int64_t padded_columns, cudaStream_t stream) {
    NTPGEO_CHECK(launch(convert_kernel<A, T, side>, dim3(static_cast<unsigned>(padded_rows)), dim3(128), 0,
                        stream, from, to, rows, columns, padded_columns));
}

}  // namespace ntpgeo::anchored_xent::cuda
