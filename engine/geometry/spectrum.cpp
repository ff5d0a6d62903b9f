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

/// A block of fp64 columns on a backend.
struct Block {
    Array memory;
    Matrix view;
    Block(Backend& backend, std::int64_t rows, std::int64_t columns)
        : memory(backend, rows * columns * bytes_of(Real::fp64)),
          view(memory.matrix(Real::fp64, rows, columns)) {}
};

/// The matrix seen from its shorter side: B = A where rows ≤ columns, Aᵀ otherwise.
class ShortSide {
  public:
    ShortSide(Backend& backend, const ImplicitMatrix& matrix)
        : backend_(backend), matrix_(matrix), left_(matrix.rows() <= matrix.columns()) {}
    [[nodiscard]] bool left() const { return left_; }
    [[nodiscard]] std::int64_t size() const { return std::min(matrix_.rows(), matrix_.columns()); }
    [[nodiscard]] std::int64_t long_size() const { return std::max(matrix_.rows(), matrix_.columns()); }
    /// x = Bᵀ·y, from the short side to the long one, and y = B·x back.
    void to_long(Matrix y, Matrix x) const { left_ ? matrix_.transposed_times(y, x) : matrix_.times(y, x); }
    void to_short(Matrix x, Matrix y) const { left_ ? matrix_.times(x, y) : matrix_.transposed_times(x, y); }
    [[nodiscard]] Backend& backend() const { return backend_; }

  private:
    Backend& backend_;
    const ImplicitMatrix& matrix_;
    bool left_;
};

std::vector<double> download(Backend& backend, Matrix matrix) {
    return download_array<double>(backend, matrix.data, matrix.rows * matrix.columns);
}

/// QR of `block` in place; returns R = QᵀA, [columns, columns].
std::vector<double> factor(Backend& backend, Matrix block) {
    const Block original(backend, block.rows, block.columns);
    backend.copy(block.flat(), original.view.flat());
    backend.orthonormalise(block);
    const Block r(backend, block.columns, block.columns);
    backend.multiply(a_transposed, 1, block, original.view, 0, r.view);
    return download(backend, r.view);
}

/// Rayleigh–Ritz on the span of `basis` [short, k]: the SVD of Bᵀ·basis, with residuals measured, not
/// estimated.
LeadingSpectrum extract(const ShortSide& side, Matrix basis, std::int64_t count, bool measure) {
    Backend& backend = side.backend();
    const std::int64_t k = basis.columns;
    Block image(backend, side.long_size(), k);
    side.to_long(basis, image.view);
    const SmallSvd svd = backend.small_svd(factor(backend, image.view), k, k);  // Bᵀ·basis = Q·(X Σ Yᵀ)
    LeadingSpectrum result;
    result.vectors_are_left = side.left();
    count = std::min(count, k);
    result.values.assign(svd.values.begin(), svd.values.begin() + count);

    // Ritz vectors: basis·Y on the short side, Q·X on the long one.
    std::vector<double> rotation(static_cast<std::size_t>(k * count)), long_rotation(rotation.size());
    for (std::int64_t i = 0; i < k; ++i)
        for (std::int64_t c = 0; c < count; ++c) {
            rotation[i * count + c] = svd.right[c * k + i];
            long_rotation[i * count + c] = svd.left[i * k + c];
        }
    const Array turn = upload_array(backend, rotation);
    result.vectors = Array(backend, basis.rows * count * bytes_of(Real::fp64));
    const Matrix vectors = result.vectors.matrix(Real::fp64, basis.rows, count);
    backend.multiply(plain, 1, basis, turn.matrix(Real::fp64, k, count), 0, vectors);
    if (!measure || result.values.empty() || !(result.values[0] > 0)) return result;

    const Array long_turn = upload_array(backend, long_rotation);
    const Block other(backend, side.long_size(), count), back(backend, basis.rows, count);
    backend.multiply(plain, 1, image.view, long_turn.matrix(Real::fp64, k, count), 0, other.view);
    side.to_short(other.view, back.view);
    const std::vector<double> mapped = download(backend, back.view), own = download(backend, vectors);
    for (std::int64_t c = 0; c < count; ++c) {
        double square = 0;
        for (std::int64_t i = 0; i < basis.rows; ++i) {
            const double error = mapped[i * count + c] - result.values[c] * own[i * count + c];
            square += error * error;
        }
        result.residual = std::max(result.residual, std::sqrt(square) / result.values[0]);
    }
    return result;
}

LeadingSpectrum dense_spectrum(const ShortSide& side, std::int64_t count) {
    std::vector<double> identity(static_cast<std::size_t>(side.size() * side.size()), 0.0);
    for (std::int64_t i = 0; i < side.size(); ++i) identity[i * side.size() + i] = 1;
    const Array basis = upload_array(side.backend(), identity);
    return extract(side, basis.matrix(Real::fp64, side.size(), side.size()), count, false);
}

/// One growing orthonormal basis U of the Krylov space of M = BBᵀ, with T = UᵀMU.
class Krylov {
  public:
    explicit Krylov(const ShortSide& side) : side_(side), backend_(side.backend()) {}

    /// Adds the orthonormal `columns` to the basis and leaves the next block's directions in them.
    void extend(Matrix columns) {
        Block added(backend_, columns.rows, columns.columns);
        backend_.copy(columns.flat(), added.view.flat());
        const Block image(backend_, side_.long_size(), columns.columns);
        side_.to_long(columns, image.view);
        side_.to_short(image.view, columns);  // M·columns
        blocks_.push_back(std::move(added));
        append_projection(columns);
        orthogonalise(columns);
        next_ = factor(backend_, columns);
        orthogonalise(columns);  // a rank-deficient block leaves directions that still touch the basis
        backend_.orthonormalise(columns);
    }

    /// Ritz values of M (descending) and the rotation whose columns are the Ritz vectors in the basis.
    [[nodiscard]] SymmetricEigen ritz() const { return backend_.symmetric_eigen(projected_, size_); }
    [[nodiscard]] std::int64_t size() const { return size_; }

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
        Block result(backend_, side_.size(), count);
        std::int64_t offset = 0;
        double beta = 0;
        for (const Block& block : blocks_) {
            std::vector<double> part(static_cast<std::size_t>(block.view.columns * count));
            for (std::int64_t i = 0; i < block.view.columns; ++i)
                std::copy_n(&eigen.vectors[(offset + i) * size_], count, &part[i * count]);
            const Array rotation = upload_array(backend_, part);
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
        std::int64_t offset = 0;
        for (const Block& block : blocks_) {
            const Block product(backend_, block.view.columns, width);
            backend_.multiply(a_transposed, 1, block.view, applied, 0, product.view);
            const std::vector<double> host = download(backend_, product.view);
            for (std::int64_t i = 0; i < block.view.columns; ++i)
                for (std::int64_t k = 0; k < width; ++k) {
                    grown[(offset + i) * after + before + k] = host[i * width + k];
                    grown[(before + k) * after + offset + i] = host[i * width + k];
                }
            offset += block.view.columns;
        }
        projected_ = std::move(grown);
        size_ = after;
    }

    // Twice is enough (Kahan and Parlett).
    void orthogonalise(Matrix columns) const {
        for (int pass = 0; pass < 2; ++pass)
            for (const Block& block : blocks_) {
                const Block overlap(backend_, block.view.columns, columns.columns);
                backend_.multiply(a_transposed, 1, block.view, columns, 0, overlap.view);
                backend_.multiply(plain, -1, block.view, overlap.view, 1, columns);
            }
    }

    const ShortSide& side_;
    Backend& backend_;
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

LeadingSpectrum leading_spectrum(Backend& backend, const ImplicitMatrix& matrix, std::int64_t count,
                                 std::uint64_t seed, std::uint64_t stream) {
    const ShortSide side(backend, matrix);
    count = std::min(count, side.size());
    if (side.size() <= std::max(dense_limit, 4 * count)) return dense_spectrum(side, count);

    // The wanted vectors and a few more are one block, so that clusters and multiple values up to that size
    // are found.
    const std::int64_t width = count + oversampling;
    const std::int64_t most = std::min(most_blocks * width, side.size() - width);
    Block next(backend, side.size(), width);
    backend.fill_normal(next.view.flat(), seed, stream, 1);
    backend.orthonormalise(next.view);
    for (int restart = 0; restart < most_restarts; ++restart) {
        Krylov krylov(side);
        SymmetricEigen eigen;
        bool done = false;
        while (!done && krylov.size() + width <= most) {
            krylov.extend(next.view);
            eigen = krylov.ritz();
            done = converged(krylov, eigen, count);
        }
        next = krylov.ritz_vectors(eigen, width);
        if (done) break;
    }
    return extract(side, next.view, count, true);
}

std::int64_t leading_spectrum_bytes(std::int64_t rows, std::int64_t columns, std::int64_t count) {
    const std::int64_t shorter = std::min(rows, columns), longer = std::max(rows, columns);
    count = std::min(count, shorter);
    // Dense: the identity and its image, each with the copy that a QR keeps. Krylov: the basis and the next
    // block, and the same of the image of one block.
    const bool dense = shorter <= std::max(dense_limit, 4 * count);
    const std::int64_t width = dense ? shorter : count + oversampling;
    const std::int64_t basis = dense ? shorter : std::min(most_blocks * width, shorter - width);
    return bytes_of(Real::fp64) * (shorter * (basis + 4 * width) + longer * 3 * width);
}

std::optional<double> effective_rank(Backend& backend, Matrix a, double rounding) {
    const std::int64_t shorter = std::min(a.rows, a.columns);
    const Array gram(backend, shorter * shorter * 8);
    backend.gram(a, a.columns <= a.rows, gram.matrix(Real::fp64, shorter, shorter));
    const SymmetricEigen eigen =
        backend.symmetric_eigen(download_array<double>(backend, gram.data(), shorter * shorter), shorter);
    double sum = 0, entropy = 0;
    for (const double square : eigen.values) sum += std::max(square, 0.0);
    if (!(sum > rounding * rounding)) return std::nullopt;
    for (const double square : eigen.values)
        if (square > 0) entropy -= square / sum * std::log(square / sum);
    return std::exp(entropy);
}

}  // namespace ntpgeo
