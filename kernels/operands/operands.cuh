// W and H in master precision → the padded operands of the GEMMs.
#pragma once

#include <port.cuh>

#include "kernels/device/status.cuh"
#include "kernels/operands/arithmetic.cuh"
#include "kernels/vectors/elementwise.cuh"

namespace ntpgeo::operands {

/// How the terms of a factor stand side by side in a row. For bf16x3 one product over three times the width
/// gives Σ w₁h₁ + w₂h₁ + w₁h₂: words hold [w₁ | w₂ | w₁] and contexts [h₁ | h₁ | h₂].
enum class Side { words, contexts };

template <class A>
inline constexpr std::int64_t copies = A::terms == 2 ? 3 : 1;
__device__ constexpr int term_of_copy(Side side, std::int64_t copy) {
    return copy == (side == Side::words ? 1 : 2) ? 1 : 0;
}

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
        for (std::int64_t copy = 0; copy < copies<A>; ++copy)
            out[copy * padded_columns + k] = terms.term[term_of_copy(side, copy)];
    }
}

/// What convert_kernel would make of single elements of W, for an update that has them at hand.
template <class A>
struct WordsWriter {
    typename A::Operand* to;
    std::int64_t size, columns, padded_columns;  // size: of W, rows·columns

    /// Elements i .. i+width−1 of [W; …]; those beyond W go nowhere.
    template <int width, class T>
    __device__ void write(std::int64_t i, const device::Pack<T, width>& values) const {
        if constexpr (width > 1) {
            if (i + width > size || i % width != 0 || columns % width != 0) {
                for (int k = 0; k < width; ++k) write(i + k, device::Pack<T, 1>{values.values[k]});
                return;
            }
        } else if (i >= size) {
            return;
        }
        device::Pack<typename A::Operand, width> terms[A::terms];
        for (int k = 0; k < width; ++k) {
            const Terms<A> value(static_cast<typename A::Logit>(values.values[k]));
            for (int t = 0; t < A::terms; ++t) terms[t].values[k] = value.term[t];
        }
        typename A::Operand* const out = to + i / columns * copies<A> * padded_columns + i % columns;
        for (std::int64_t copy = 0; copy < copies<A>; ++copy)
            device::store(out + copy * padded_columns, terms[term_of_copy(Side::words, copy)]);
    }
};

template <class A, class T, Side side>
void convert(const T* from, typename A::Operand* to, std::int64_t rows, std::int64_t columns,
             std::int64_t padded_rows, std::int64_t padded_columns, cudaStream_t stream) {
    NTPGEO_CHECK(launch(convert_kernel<A, T, side>, dim3(static_cast<unsigned>(padded_rows)), dim3(128), 0,
                        stream, from, to, rows, columns, padded_columns));
}

}  // namespace ntpgeo::operands
