#include "engine/geometry/spectrum.hpp"

#include <algorithm>
#include <cmath>

namespace ntpgeo {
namespace {

constexpr std::int64_t dense_limit = 256;
constexpr std::int64_t oversampling = 8;
constexpr std::int64_t most_blocks = 20;
constexpr int most_restarts = 20;
constexpr double tolerance = 1e-10;

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

std::vector<double> download(Backend& backend, Matrix matrix) {
    return download_array<double>(backend, matrix.data, matrix.rows * matrix.columns);
}

/// QR of `block` in place, with R = QᵀA [columns, columns] into `r`.
void factor(const Place& place, Matrix block, Matrix r) {
    const Block original(place.memory, block.rows, block.columns);
    place.backend.copy(block.flat(), original.view.flat());
    place.backend.orthonormalise(block);
    place.backend.multiply(a_transposed, 1, block, original.view, 0, r);
}

/// ‖mapped − σ·vectors‖ of each column, both [rows, σ]. `mapped` is overwritten.
std::vector<double> errors_of(const Place& place, Matrix mapped, Matrix vectors,
                              const std::vector<double>& sigma) {
    const Block scaled(place.memory, vectors.rows, vectors.columns);
    const Array factors = [&] {
        Array array(place.memory, vectors.columns * bytes_of(Real::fp64));
        place.backend.upload(sigma.data(), array.data(), array.bytes());
        return array;
    }();
    const Vector line = factors.vector(Real::fp64, vectors.columns);
    place.backend.copy(vectors.flat(), scaled.view.flat());
    place.backend.scale_lines(line, true, scaled.view);
    place.backend.axpy(-1, scaled.view.flat(), mapped.flat());
    place.backend.column_squares(mapped, line);
    auto errors = download_array<double>(place.backend, line.data, line.size);
    for (double& error : errors) error = std::sqrt(error);
    return errors;
}

/// Rayleigh–Ritz on the span of `basis` [short, k]: the SVD of Bᵀ·basis, with residuals measured, not
/// estimated.
LeadingSpectrum extract(const ShortSide& side, Matrix basis, std::int64_t count, bool measure) {
    const Place& place = side.place();
    Backend& backend = place.backend;
    const std::int64_t k = basis.columns;
    Block image(place.memory, side.long_size(), k);
    side.to_long(basis, image.view);
    const Block r(place.memory, k, k), left(place.memory, k, k), right(place.memory, k, k);
    factor(place, image.view, r.view);
    LeadingSpectrum result;
    result.values = backend.small_svd(r.view, left.view, right.view);  // Bᵀ·basis = Q·(X Σ Yᵀ)
    result.vectors_are_left = side.left();
    count = std::min(count, k);
    result.values.resize(static_cast<std::size_t>(count));

    // Ritz vectors: basis·Y on the short side, Q·X on the long one.
    result.vectors = Array(place.memory, basis.rows * count * bytes_of(Real::fp64));
    const Matrix vectors = result.vectors.matrix(Real::fp64, basis.rows, count);
    backend.multiply(b_transposed, 1, basis, right.first_rows(count), 0, vectors);
    result.residuals.assign(result.values.size(), 0.0);
    if (!measure || result.values.empty() || !(result.values[0] > 0)) return result;

    const Array turn = leading_columns(place, left.view, count);
    const Block other(place.memory, side.long_size(), count), back(place.memory, basis.rows, count);
    backend.multiply(plain, 1, image.view, turn.matrix(Real::fp64, k, count), 0, other.view);
    side.to_short(other.view, back.view);
    result.residuals = errors_of(place, back.view, vectors, result.values);
    for (double& residual : result.residuals) residual /= result.values[0];
    result.residual = *std::max_element(result.residuals.begin(), result.residuals.end());
    return result;
}

LeadingSpectrum dense_spectrum(const ShortSide& side, std::int64_t count) {
    const Block basis(side.place().memory, side.size(), side.size());
    side.place().backend.fill_identity(basis.view);
    return extract(side, basis.view, count, false);
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
    /// What a block of `width` more takes: two products with A, projection and orthogonalisation against the
    /// basis (nine products with it), three QR, and a decomposition of T.
    [[nodiscard]] double operations_to_extend(std::int64_t width) const {
        const auto added = static_cast<double>(width), grown = static_cast<double>(size_ + width),
                   rows = static_cast<double>(side_.size());
        return 2 * added * side_.operations() + 18 * rows * grown * added + 12 * rows * added * added +
               10 * grown * grown * grown;
    }

    /// ‖M u − θ u‖ for the Ritz vector in column c, from the last block's coupling to the next one.
    [[nodiscard]] double residual(const SymmetricEigen& eigen, std::int64_t c) const {
        const std::int64_t width = blocks_.back().view.columns;
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

bool converged(const Krylov& krylov, const SymmetricEigen& eigen, std::int64_t count) {
    const double largest = std::max(eigen.values[0], 0.0);
    for (std::int64_t c = 0; c < count; ++c) {
        // ‖A v − σ u‖ = ‖M u − σ² u‖/σ; below 1e-14 σ₁² the product itself has no digits left to compare.
        const double sigma = std::sqrt(std::max(eigen.values[c], 0.0));
        if (krylov.residual(eigen, c) > std::max(tolerance * sigma * std::sqrt(largest), 1e-14 * largest))
            return false;
    }
    return true;
}

}  // namespace

LeadingSpectrum leading_spectrum(const Place& place, const ImplicitMatrix& matrix, std::int64_t count,
                                 std::uint64_t seed, std::uint64_t stream, double most_operations) {
    const ShortSide side(place, matrix);
    count = std::min(count, side.size());
    if (side.size() <= std::max(dense_limit, 4 * count)) return dense_spectrum(side, count);

    // The wanted vectors and a few more are one block, so that clusters and multiple values up to that size
    // are found.
    const std::int64_t width = count + oversampling;
    const std::int64_t most = std::min(most_blocks * width, side.size() - width);
    Block next(place.memory, side.size(), width);
    place.backend.fill_normal(next.view.flat(), seed, stream, 1);
    place.backend.orthonormalise(next.view);
    double operations = 0;
    bool done = false;
    for (int restart = 0; restart < most_restarts && !done; ++restart) {
        Krylov krylov(side);
        SymmetricEigen eigen;
        while (!done && krylov.size() + width <= most) {
            operations += krylov.operations_to_extend(width);
            krylov.extend(next.view);
            eigen = krylov.ritz();
            done = converged(krylov, eigen, count) ||
                   operations + krylov.operations_to_extend(width) > most_operations;
        }
        next = krylov.ritz_vectors(eigen, width);
    }
    return extract(side, next.view, count, true);
}

std::int64_t leading_spectrum_bytes(std::int64_t rows, std::int64_t columns, std::int64_t count) {
    const std::int64_t shorter = std::min(rows, columns), longer = std::max(rows, columns);
    count = std::min(count, shorter);
    // Dense: the identity, its image, with the copy that a QR keeps, and R with its decomposition. Krylov:
    // the basis and the next block, and the same of the image of one block; T and its decomposition.
    const bool dense = shorter <= std::max(dense_limit, 4 * count);
    const std::int64_t width = dense ? shorter : count + oversampling;
    const std::int64_t basis = dense ? shorter : std::min(most_blocks * width, shorter - width);
    const std::int64_t small = 3 * width * width + (dense ? 0 : basis * (basis + width + 1));
    return bytes_of(Real::fp64) * (shorter * (basis + 4 * width) + longer * 3 * width + small);
}

std::optional<double> effective_rank(const Place& place, Matrix a, double rounding) {
    const std::int64_t shorter = std::min(a.rows, a.columns);
    const Array memory(place.memory, shorter * (shorter + 1) * 8);
    const Matrix gram = memory.matrix(Real::fp64, shorter, shorter);
    place.backend.gram(a, a.columns <= a.rows, gram);
    const std::vector<double> squares =
        place.backend.decompose_symmetric(gram, memory.vector(Real::fp64, shorter, shorter * shorter));
    double sum = 0, entropy = 0;
    for (const double square : squares) sum += std::max(square, 0.0);
    if (!(sum > rounding * rounding)) return std::nullopt;
    for (const double square : squares)
        if (square > 0) entropy -= square / sum * std::log(square / sum);
    return std::exp(entropy);
}

}  // namespace ntpgeo
