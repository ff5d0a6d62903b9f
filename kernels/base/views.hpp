// Views of memory that lives on a backend. They own nothing, are cheap to copy and carry 64-bit sizes: V·m
// passes 2^31 early. A view's memory is host memory on the CPU backend and device memory on a CUDA backend.
#pragma once

#include <cstdint>

namespace ntpgeo {

/// The arithmetic of the stored parameters, optimizer state and sums (design 1.2, "master").
enum class Real { fp32, fp64 };

/// The arithmetic of the three large products of a loss step (design 1.2, "GEMM").
enum class Precision { bf16, bf16x3, tf32, fp32, fp64 };

/// How a loss step makes its exponentials: in a pass over stored logits (plain), or in the epilogue of the
/// product that makes the logits, which are then never stored (epilogue). Automatic is plain.
enum class LossKernel { automatic, plain, epilogue };

constexpr std::int64_t bytes_of(Real real) {
    return real == Real::fp64 ? 8 : 4;
}

/// A contiguous vector in master precision.
struct Vector {
    void* data = nullptr;
    Real real = Real::fp64;
    std::int64_t size = 0;

    template <class T>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(data);
    }
};

/// Elements begin .. begin + size − 1.
inline Vector part_of(const Vector& all, std::int64_t begin, std::int64_t size) {
    return {static_cast<char*>(all.data) + begin * bytes_of(all.real), all.real, size};
}

/// A contiguous row-major matrix in master precision: W is [V, d], H is [m, d], one row a word or a context.
struct Matrix {
    void* data = nullptr;
    Real real = Real::fp64;
    std::int64_t rows = 0, columns = 0;

    template <class T>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(data);
    }
    [[nodiscard]] Vector flat() const { return {data, real, rows * columns}; }
};

/// Rows first .. first + rows − 1; of none, none.
inline Matrix rows_from(const Matrix& matrix, std::int64_t first, std::int64_t rows) {
    if (!matrix.data) return {};
    return {static_cast<char*>(matrix.data) + first * matrix.columns * bytes_of(matrix.real), matrix.real,
            rows, matrix.columns};
}

/// A loss step's own copy of W [words, dim] in the form that its products take; null data: it has none.
struct WordsOperand {
    void* data = nullptr;
    Precision precision = Precision::fp64;
    std::int64_t words = 0, dim = 0;
    std::int64_t padded_dim = 0;  ///< elements of a row, or of each of its terms
};

/// What an update moves: flat parameters, which begin with W where there is an operand. The update leaves W's
/// new values there as well.
struct Parameters {
    Vector values;
    WordsOperand operand;
};

/// The sparse soft labels (design 1.1): column j of a V×m matrix holds positions indptr[j] .. indptr[j+1].
/// The word-wise half lists the same positions by word, so that both products with the pattern are gathers
/// and need no atomics.
struct LabelsView {
    std::int64_t vocab_size = 0, contexts = 0, nnz = 0;
    const std::int64_t* indptr = nullptr;          ///< [m+1]
    const std::int32_t* indices = nullptr;         ///< [nnz] words
    const double* probs = nullptr;                 ///< [nnz] p > 0
    const double* log_probs = nullptr;             ///< [nnz] log p
    const double* context_probs = nullptr;         ///< [m] π
    const std::int64_t* word_indptr = nullptr;     ///< [V+1]
    const std::int64_t* word_contexts = nullptr;   ///< [nnz] contexts of each word, ascending
    const std::int64_t* word_positions = nullptr;  ///< [nnz] the same entries' positions in indices
};

/// Calls `work` with a zero of the C++ type that `real` names.
template <class Work>
decltype(auto) with_real(Real real, Work&& work) {
    return real == Real::fp64 ? work(double{}) : work(float{});
}

}  // namespace ntpgeo
