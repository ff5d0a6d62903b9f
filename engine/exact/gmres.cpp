#include "engine/exact/gmres.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ntpgeo {
namespace {

// Beyond so many vectors each further one costs more than its product: what is asked of the residual falls.
constexpr double dear_from = 10;
constexpr double largest_factor = 3;
// What is left of a vector after so much of it has been taken away is not orthogonal to rounding.
constexpr double kept_at_least = 0.05;

}  // namespace

Gmres::Gmres(const SolverRows& rows, std::int64_t most)
    : rows_(rows),
      backend_(rows.backend()),
      size_(rows.size()),
      most_(std::min(rows.rows() * rows.vocab(), most)),
      wide_(backend_, size_ * 8),
      product_(backend_, size_ * 8) {}

std::int64_t Gmres::bytes(std::int64_t size, std::int64_t most) {
    const std::int64_t vectors = std::min(size, most) + 1;
    return size * ((vectors + chunk - 1) / chunk * chunk * 4 + 16);
}

Vector Gmres::vector(std::int64_t k) const {
    return basis_[static_cast<std::size_t>(k / chunk)].vector(Real::fp32, size_, k % chunk * size_);
}

// Basis vector k = scale·w; w is scaled too.
void Gmres::keep(Vector w, double scale, std::int64_t k) {
    if (k / chunk == static_cast<std::int64_t>(basis_.size()))
        basis_.emplace_back(backend_, chunk * size_ * 4);
    backend_.scale(scale, w);
    backend_.copy(w, vector(k));
}

// Takes the first `count` basis vectors' shares out of w and returns them, and what is left.
Shares Gmres::orthogonalise(Vector w, std::int64_t count) {
    std::vector<Matrix> blocks;
    for (std::int64_t first = 0; first < count; first += chunk)
        blocks.push_back(basis_[static_cast<std::size_t>(first / chunk)].matrix(
            Real::fp32, std::min(chunk, count - first), size_));
    if (!rows_.has_shards()) return backend_.orthogonalise(blocks, w);
    Shares shares{rows_.sums_of(count, [&](const RowRange& piece) {
        return backend_.row_products(blocks, w, piece.first * rows_.vocab(), piece.size() * rows_.vocab());
    })};
    auto next = shares.of_rows.begin();
    for (const Matrix& rows : blocks) {
        backend_.subtract_rows({next, next + rows.rows}, rows, w);
        next += rows.rows;
    }
    shares.rest = rows_.dot(w, w);
    return shares;
}

bool Gmres::solve(const ProductWith& product, Real real, double relative, Vector b, Vector x) {
    const Vector w = product_.vector(Real::fp64, size_), wide = wide_.vector(Real::fp64, size_);
    const double length = std::sqrt(rows_.dot(b, b));
    backend_.copy(b, w);
    keep(w, 1 / length, 0);
    std::vector<Column> columns;
    std::vector<double> right{length};
    bool solved = false;
    for (std::int64_t k = 0; k < most_ && !solved; ++k) {
        if (real == Real::fp64) {
            backend_.copy(vector(k), wide);
            product(wide, w);
        } else {
            product(vector(k), wide_.vector(Real::fp32, size_));
            backend_.copy(wide_.vector(Real::fp32, size_), w);
        }
        Shares shares = orthogonalise(w, k + 1);
        Column column{std::move(shares.of_rows)};
        double taken = 0, rest = std::sqrt(shares.rest);
        for (const double share : column.values) taken += share * share;
        if (rest < kept_at_least * std::sqrt(taken + rest * rest)) {
            const Shares again = orthogonalise(w, k + 1);
            for (std::size_t i = 0; i < again.of_rows.size(); ++i) column.values[i] += again.of_rows[i];
            rest = std::sqrt(again.rest);
        }
        // Givens rotations, those of the columns before and one more, which takes `rest` away.
        for (std::int64_t i = 0; i < k; ++i) {
            const double upper = column.values[i], lower = column.values[i + 1];
            column.values[i] = columns[i].cosine * upper + columns[i].sine * lower;
            column.values[i + 1] = columns[i].cosine * lower - columns[i].sine * upper;
        }
        const double diagonal = std::hypot(column.values[k], rest);
        if (!(diagonal > 0)) break;  // A has met a direction of nothing
        column.cosine = column.values[k] / diagonal;
        column.sine = rest / diagonal;
        column.values[k] = diagonal;
        right.push_back(-column.sine * right[k]);
        right[k] *= column.cosine;
        columns.push_back(std::move(column));
        const double factor = std::clamp(static_cast<double>(k + 1) / dear_from, 1.0, largest_factor);
        solved = std::abs(right[k + 1]) <= factor * relative * length;
        if (!solved && k + 1 < most_) keep(w, 1 / rest, k + 1);
    }
    combine(columns, std::move(right), x);
    return solved;
}

// x = Σ y_k v_k with the triangular system's solution y.
void Gmres::combine(const std::vector<Column>& columns, std::vector<double> right, Vector x) {
    const auto count = static_cast<std::int64_t>(columns.size());
    for (std::int64_t i = count - 1; i >= 0; --i) {
        for (std::int64_t k = i + 1; k < count; ++k) right[i] -= columns[k].values[i] * right[k];
        right[i] /= columns[i].values[i];
    }
    for (double& value : right) value = -value;
    backend_.fill_zero(x);
    for (std::int64_t first = 0; first < count; first += chunk) {
        const std::int64_t rows = std::min(chunk, count - first);
        backend_.subtract_rows(
            {right.begin() + first, right.begin() + first + rows},
            basis_[static_cast<std::size_t>(first / chunk)].matrix(Real::fp32, rows, size_), x);
    }
}

}  // namespace ntpgeo
