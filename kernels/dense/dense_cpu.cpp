#include "kernels/dense/dense.hpp"

#include <lapacke.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t block_rows = 512;
constexpr std::int64_t block_sum = 2048;
constexpr std::int64_t products_worth_a_team = std::int64_t{1} << 18;

/// Threads for so many multiplications.
int team_of(std::int64_t products) {
    return products > products_worth_a_team ? team_size() : 1;
}

CBLAS_TRANSPOSE op(bool transpose) {
    return transpose ? CblasTrans : CblasNoTrans;
}

// The products are made inside loops of the team, also where there is but one block: that is what keeps
// OpenBLAS from using threads of its own, whose number would decide the bits. They get the team where they
// are above OpenBLAS's own threshold for threads.

// op(A) keeps A's rows: blocks of rows of C are independent.
template <class T>
void multiply_rows(const Product& product, T alpha, Matrix a, Matrix b, T beta, Matrix c) {
    const std::int64_t blocks = (c.rows + block_rows - 1) / block_rows;
    for_each(blocks, 1, team_of(c.rows * c.columns * a.columns), [&](std::int64_t block) {
        const std::int64_t begin = block * block_rows;
        const std::int64_t rows = std::min(block_rows, c.rows - begin);
        gemm(CblasNoTrans, op(product.transpose_b), rows, c.columns, a.columns, alpha,
             a.as<T>() + begin * a.columns, a.columns, b.as<T>(), b.columns, beta,
             c.as<T>() + begin * c.columns, c.columns);
    });
}

// AᵀB sums over the long dimension: one partial product a block, added in the order of the blocks.
template <class T>
void multiply_inner(const Product& product, T alpha, Matrix a, Matrix b, T beta, Matrix c) {
    const std::int64_t blocks = (a.rows + block_sum - 1) / block_sum;
    const std::int64_t size = c.rows * c.columns;
    T* const out = c.as<T>();
    for (std::int64_t i = 0; i < size; ++i) out[i] = beta == 0 ? 0 : beta * out[i];
    // A few partial results at a time bound the memory; the order of addition stays that of the blocks.
    constexpr std::int64_t most_entries = std::int64_t{1} << 24;
    const std::int64_t together =
        std::clamp<std::int64_t>(most_entries / std::max<std::int64_t>(size, 1), 2, 16);
    AlignedArray<T> partial(std::min(blocks, together) * size);
    for (std::int64_t first = 0; first < blocks; first += together) {
        const std::int64_t count = std::min(together, blocks - first);
        for_each(count, 1, team_of(size * a.rows), [&](std::int64_t k) {
            const std::int64_t begin = (first + k) * block_sum;
            const std::int64_t rows = std::min(block_sum, a.rows - begin);
            gemm(CblasTrans, op(product.transpose_b), c.rows, c.columns, rows, alpha,
                 a.as<T>() + begin * a.columns, a.columns,
                 b.as<T>() + begin * (product.transpose_b ? 1 : b.columns), b.columns, T{0},
                 partial.data() + k * size, c.columns);
        });
        for (std::int64_t k = 0; k < count; ++k)
            for (std::int64_t i = 0; i < size; ++i) out[i] += partial.data()[k * size + i];
    }
}

struct Tile {
    std::int64_t row, column;
};

// The k-th tile below the diagonal, counted row by row.
Tile below_diagonal(std::int64_t k) {
    std::int64_t row = 1;
    while (k >= row) k -= row++;
    return {row, k};
}

// Tiles of the lower triangle, each with the whole sum: whichever thread makes a tile, its bits are the same.
template <class T>
void gram_tiles(Matrix a, bool of_columns, Matrix c) {
    constexpr std::int64_t tile = 256;
    const std::int64_t n = c.rows, inner = of_columns ? a.rows : a.columns, tiles = (n + tile - 1) / tile;
    const std::int64_t count = tiles * (tiles + 1) / 2;
    const std::int64_t leading = std::max<std::int64_t>(a.columns, 1);
    T* const out = c.as<T>();
    const auto part = [&](std::int64_t begin) {
        return a.as<T>() + (of_columns ? begin : begin * a.columns);
    };
    const auto left = of_columns ? CblasTrans : CblasNoTrans, right = of_columns ? CblasNoTrans : CblasTrans;
    // Those on the diagonal, half the work each, come last.
    for_each(count, 1, team_of(n * n * inner), [&](std::int64_t k) {
        const auto [row, column] =
            k < count - tiles ? below_diagonal(k) : Tile{k - (count - tiles), k - (count - tiles)};
        const std::int64_t i = row * tile, j = column * tile, rows = std::min(tile, n - i);
        T* const target = out + i * n + j;
        if (row == column)
            syrk(left, rows, inner, part(i), leading, target, n);
        else
            gemm(left, right, rows, tile, inner, T{1}, part(i), leading, part(j), leading, T{0}, target, n);
    });
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = i + 1; j < n; ++j) out[i * n + j] = out[j * n + i];
}

}  // namespace

void CpuDenseOperations::gram(Matrix a, bool of_columns, Matrix c) {
    with_real(c.real, [&]<class T>(T) { gram_tiles<T>(a, of_columns, c); });
}

void CpuDenseOperations::multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta,
                                  Matrix c) {
    with_real(c.real, [&]<class T>(T) {
        const auto factor = static_cast<T>(alpha), kept = static_cast<T>(beta);
        product.transpose_a ? multiply_inner(product, factor, a, b, kept, c)
                            : multiply_rows(product, factor, a, b, kept, c);
    });
}

void CpuDenseOperations::column_means(Matrix a, Vector means) {
    double* const out = means.as<double>();
    std::fill_n(out, a.columns, 0.0);
    for (std::int64_t i = 0; i < a.rows; ++i)
        for (std::int64_t k = 0; k < a.columns; ++k) out[k] += a.as<double>()[i * a.columns + k];
    for (std::int64_t k = 0; k < a.columns; ++k) out[k] /= static_cast<double>(a.rows);
}

void CpuDenseOperations::column_squares(Matrix a, Vector squares) {
    const std::int64_t blocks = (a.rows + block_rows - 1) / block_rows;
    std::vector<double> partial(static_cast<std::size_t>(blocks * a.columns), 0.0);
    for_each(blocks, 1, team_for(a.rows * a.columns), [&](std::int64_t block) {
        double* const sums = partial.data() + block * a.columns;
        for (std::int64_t i = block * block_rows; i < std::min(a.rows, (block + 1) * block_rows); ++i) {
            const double* const row = a.as<double>() + i * a.columns;
            for (std::int64_t k = 0; k < a.columns; ++k) sums[k] += row[k] * row[k];
        }
    });
    double* const out = squares.as<double>();
    std::fill_n(out, a.columns, 0.0);
    for (std::int64_t block = 0; block < blocks; ++block)
        for (std::int64_t k = 0; k < a.columns; ++k) out[k] += partial[block * a.columns + k];
}

void CpuDenseOperations::fill_identity(Matrix a) {
    with_real(a.real, [&]<class T>(T) {
        for (std::int64_t i = 0; i < a.rows; ++i)
            for (std::int64_t k = 0; k < a.columns; ++k) a.as<T>()[i * a.columns + k] = i == k ? 1 : 0;
    });
}

void CpuDenseOperations::subtract_row(Vector row, Matrix a) {
    for (std::int64_t i = 0; i < a.rows; ++i)
        for (std::int64_t k = 0; k < a.columns; ++k) a.as<double>()[i * a.columns + k] -= row.as<double>()[k];
}

void CpuDenseOperations::orthonormalise(Matrix a) {
    const OneBlasThread guard;
    std::vector<double> tau(static_cast<std::size_t>(a.columns));
    const auto rows = static_cast<lapack_int>(a.rows);
    const auto columns = static_cast<lapack_int>(a.columns);
    const lapack_int factor =
        LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, rows, columns, a.as<double>(), columns, tau.data());
    if (factor != 0) throw Failure("LAPACK dgeqrf failed with info " + std::to_string(factor));
    const lapack_int form =
        LAPACKE_dorgqr(LAPACK_ROW_MAJOR, rows, columns, columns, a.as<double>(), columns, tau.data());
    if (form != 0) throw Failure("LAPACK dorgqr failed with info " + std::to_string(form));
}

}  // namespace ntpgeo
