#include "engine/geometry/spectrum.hpp"

#include <algorithm>
#include <cmath>

#include "engine/geometry/krylov.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t dense_limit = 256;
constexpr std::int64_t oversampling = 8;
constexpr std::int64_t most_blocks = 20;
constexpr int most_restarts = 20;
constexpr double tolerance = 1e-10;

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

/// How leading triplets are sought: all of them at once, or in blocks.
struct Cut {
    bool dense;
    std::int64_t width, most;  ///< of a block, and of the basis

    Cut(std::int64_t short_side, std::int64_t count)
        : dense(short_side <= std::max(dense_limit, 4 * count)),
          // The wanted vectors and a few more are one block, so that clusters and multiple values up to that
          // size are found.
          width(dense ? short_side : count + oversampling),
          most(dense ? short_side : std::min(most_blocks * width, short_side - width)) {}
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

/// How the first triplet has come nearer, block after block.
class Approach {
  public:
    explicit Approach(const SearchEffort& effort) : effort_(effort) {}

    /// Whether it will not be there in time, once a block has been added.
    bool is_hopeless(const Krylov& krylov, const SymmetricEigen& eigen, double operations) {
        constexpr std::size_t least_blocks = 6;
        constexpr double faster = 4;  // Krylov spaces do better and better, until they begin anew
        if (!(eigen.values[0] > 0) || std::isinf(effort_.useless_above)) return false;
        errors_.push_back(krylov.residual(eigen, 0) / eigen.values[0]);
        if (errors_.size() < least_blocks || errors_.back() <= effort_.useless_above) return false;
        const std::size_t before = errors_.size() / 2;
        const double rate = std::log(errors_[before - 1] / errors_.back()) /
                            static_cast<double>(errors_.size() - before);  // a block
        const double blocks = std::log(errors_.back() / effort_.useless_above) / rate;
        const double left = effort_.most_operations - operations;
        return !(rate > 0) || blocks * krylov.operations_to_extend(krylov.last_width()) > faster * left;
    }

  private:
    const SearchEffort& effort_;
    std::vector<double> errors_;  // ‖A v − σ u‖ / σ of it
};

}  // namespace

LeadingSpectrum leading_spectrum(const Place& place, const ImplicitMatrix& matrix, std::int64_t count,
                                 std::uint64_t seed, std::uint64_t stream, const SearchEffort& effort) {
    const ShortSide side(place, matrix);
    count = std::min(count, side.size());
    const Cut cut(side.size(), count);
    if (cut.dense) return dense_spectrum(side, count);
    const std::int64_t width = cut.width, most = cut.most;
    Block next(place.memory, side.size(), width);
    place.backend.fill_normal(next.view.flat(), {seed, stream}, 1);
    place.backend.orthonormalise(next.view);
    double operations = 0;
    Approach approach(effort);
    bool done = false;
    for (int restart = 0; restart < most_restarts && !done; ++restart) {
        Krylov krylov(side);
        SymmetricEigen eigen;
        while (!done && krylov.size() + width <= most) {
            operations += krylov.operations_to_extend(width);
            krylov.extend(next.view);
            eigen = krylov.ritz();
            if (approach.is_hopeless(krylov, eigen, operations)) {
                LeadingSpectrum none;
                none.vectors_are_left = side.left();
                return none;
            }
            done = converged(krylov, eigen, count) ||
                   operations + krylov.operations_to_extend(width) > effort.most_operations;
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
    const Cut cut(shorter, count);
    const std::int64_t width = cut.width, basis = cut.most;
    const std::int64_t small = 3 * width * width + (cut.dense ? 0 : basis * (basis + width + 1));
    return bytes_of(Real::fp64) * (shorter * (basis + 4 * width) + longer * 3 * width + small);
}

double leading_spectrum_operations(std::int64_t rows, std::int64_t columns, std::int64_t count,
                                   double product, double most) {
    const std::int64_t shorter = std::min(rows, columns);
    const auto longer = static_cast<double>(std::max(rows, columns));
    const Cut cut(shorter, std::min(count, shorter));
    const auto width = static_cast<double>(cut.width);
    // The image of a block, its QR and, of a small matrix, a singular value decomposition.
    const double extraction = width * product + 8 * longer * width * width + 20 * width * width * width;
    double search = 0;
    for (std::int64_t size = 0; !cut.dense && size + cut.width <= cut.most; size += cut.width)
        search += operations_of_a_block(shorter, size, cut.width, product);
    return extraction + std::min(search, most);
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
