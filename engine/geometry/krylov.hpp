// A block Krylov space of AAᵀ with full re-orthogonalisation (design 4.4), and what it is made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/geometry/implicit_matrix.hpp"

namespace ntpgeo {

/// A block of fp64 columns.
struct Block {
    Array memory;
    Matrix view;
    Block(Memory& within, std::int64_t rows, std::int64_t columns)
        : memory(within, rows * columns * bytes_of(Real::fp64)),
          view(memory.matrix(Real::fp64, rows, columns)) {}
    /// Of the same memory.
    [[nodiscard]] Matrix first_rows(std::int64_t rows) const {
        return {view.data, Real::fp64, rows, view.columns};
    }
};

/// The matrix seen from its shorter side: B = A where rows ≤ columns, Aᵀ otherwise.
class ShortSide {
  public:
    ShortSide(const Place& place, const ImplicitMatrix& matrix)
        : place_(place), matrix_(matrix), left_(matrix.rows() <= matrix.columns()) {}
    [[nodiscard]] bool left() const { return left_; }
    [[nodiscard]] std::int64_t size() const { return std::min(matrix_.rows(), matrix_.columns()); }
    [[nodiscard]] std::int64_t long_size() const { return std::max(matrix_.rows(), matrix_.columns()); }
    /// x = Bᵀ·y, from the short side to the long one, and y = B·x back.
    void to_long(Matrix y, Matrix x) const { left_ ? matrix_.transposed_times(y, x) : matrix_.times(y, x); }
    void to_short(Matrix x, Matrix y) const { left_ ? matrix_.times(x, y) : matrix_.transposed_times(x, y); }
    [[nodiscard]] double operations() const { return matrix_.operations(); }
    [[nodiscard]] const Place& place() const { return place_; }

  private:
    Place place_;
    const ImplicitMatrix& matrix_;
    bool left_;
};

inline std::vector<double> download(Backend& backend, Matrix matrix) {
    return download_array<double>(backend, matrix.data, matrix.rows * matrix.columns);
}

/// QR of `block` in place, with R = QᵀA [columns, columns] into `r`.
inline void factor(const Place& place, Matrix block, Matrix r) {
    const Block original(place.memory, block.rows, block.columns);
    place.backend.copy(block.flat(), original.view.flat());
    place.backend.orthonormalise(block);
    place.backend.multiply(a_transposed, 1, block, original.view, 0, r);
}

/// What a block of `width` more than `size` takes: two products with A, projection and orthogonalisation
/// against the basis (nine products with it), three QR, and a decomposition of T.
inline double operations_of_a_block(std::int64_t short_side, std::int64_t size, std::int64_t width,
                                    double product) {
    const auto added = static_cast<double>(width), grown = static_cast<double>(size + width),
               rows = static_cast<double>(short_side);
    return 2 * added * product + 18 * rows * grown * added + 12 * rows * added * added +
           10 * grown * grown * grown;
}

/// One growing orthonormal basis U of the Krylov space of M = BBᵀ, with T = UᵀMU.
class Krylov {
  public:
    explicit Krylov(const ShortSide& side)
        : side_(side), backend_(side.place().backend), memory_(side.place().memory) {}

    /// Adds the orthonormal `columns` to the basis and leaves the next block's directions in them.
    void extend(Matrix columns) {
        Block added(memory_, columns.rows, columns.columns);
        backend_.copy(columns.flat(), added.view.flat());
        const Block image(memory_, side_.long_size(), columns.columns);
        side_.to_long(columns, image.view);
        side_.to_short(image.view, columns);  // M·columns
        blocks_.push_back(std::move(added));
        append_projection(columns);
        orthogonalise(columns);
        const Block r(memory_, columns.columns, columns.columns);
        factor(side_.place(), columns, r.view);
        next_ = download(backend_, r.view);
        orthogonalise(columns);  // a rank-deficient block leaves directions that still touch the basis
        backend_.orthonormalise(columns);
    }

    /// Ritz values of M (descending) and the rotation whose columns are the Ritz vectors in the basis.
    [[nodiscard]] SymmetricEigen ritz() const {
        const Array matrix = upload_array(memory_, projected_), values(memory_, size_ * 8);
        std::vector<double> descending = backend_.decompose_symmetric(matrix.matrix(Real::fp64, size_, size_),
                                                                      values.vector(Real::fp64, size_));
        return SymmetricEigen::from_rows(std::move(descending),
                                         download_array<double>(backend_, matrix.data(), size_ * size_));
    }
    [[nodiscard]] std::int64_t size() const { return size_; }
    /// Columns that were added last.
    [[nodiscard]] std::int64_t last_width() const { return blocks_.back().view.columns; }
    [[nodiscard]] double operations_to_extend(std::int64_t width) const {
        return operations_of_a_block(side_.size(), size_, width, side_.operations());
    }

    /// ‖M u − θ u‖ for the Ritz vector in column c, from the last block's coupling to the next one.
    [[nodiscard]] double residual(const SymmetricEigen& eigen, std::int64_t c) const {
        const std::int64_t width = last_width();
        double square = 0;
        for (std::int64_t i = 0; i < width; ++i) {
            double sum = 0;
            for (std::int64_t k = 0; k < width; ++k)
                sum += next_[i * width + k] * eigen.vectors[(size_ - width + k) * size_ + c];
            square += sum * sum;
        }
        return std::sqrt(square);
    }

    /// The leading `count` Ritz vectors, [short, count].
    [[nodiscard]] Block ritz_vectors(const SymmetricEigen& eigen, std::int64_t count) const {
        Block result(memory_, side_.size(), count);
        std::int64_t offset = 0;
        double beta = 0;
        for (const Block& block : blocks_) {
            std::vector<double> part(static_cast<std::size_t>(block.view.columns * count));
            for (std::int64_t i = 0; i < block.view.columns; ++i)
                std::copy_n(&eigen.vectors[(offset + i) * size_], count, &part[i * count]);
            const Array rotation = upload_array(memory_, part);
            backend_.multiply(plain, 1, block.view, rotation.matrix(Real::fp64, block.view.columns, count),
                              beta, result.view);
            offset += block.view.columns;
            beta = 1;
        }
        return result;
    }

  private:
    // T grows by the rows and columns of the newest block: Uᵀ(M·block).
    void append_projection(Matrix applied) {
        const std::int64_t width = applied.columns, before = size_, after = size_ + width;
        std::vector<double> grown(static_cast<std::size_t>(after * after), 0.0);
        for (std::int64_t i = 0; i < before; ++i)
            std::copy_n(&projected_[i * before], before, &grown[i * after]);
        const Block products(memory_, after, width);
        std::int64_t offset = 0;
        for (const Block& block : blocks_) {
            backend_.multiply(a_transposed, 1, block.view, applied, 0,
                              products.memory.matrix(Real::fp64, block.view.columns, width, offset * width));
            offset += block.view.columns;
        }
        const std::vector<double> host = download(backend_, products.view);
        for (std::int64_t i = 0; i < after; ++i)
            for (std::int64_t k = 0; k < width; ++k) {
                grown[i * after + before + k] = host[i * width + k];
                grown[(before + k) * after + i] = host[i * width + k];
            }
        projected_ = std::move(grown);
        size_ = after;
    }

    // Twice is enough (Kahan and Parlett).
    void orthogonalise(Matrix columns) const {
        for (int pass = 0; pass < 2; ++pass)
            for (const Block& block : blocks_) {
                const Block overlap(memory_, block.view.columns, columns.columns);
                backend_.multiply(a_transposed, 1, block.view, columns, 0, overlap.view);
                backend_.multiply(plain, -1, block.view, overlap.view, 1, columns);
            }
    }

    const ShortSide& side_;
    Backend& backend_;
    Memory& memory_;
    std::vector<Block> blocks_;
    std::vector<double> projected_;  // T, [size, size]
    std::vector<double> next_;       // R of the next block
    std::int64_t size_ = 0;
};

}  // namespace ntpgeo
