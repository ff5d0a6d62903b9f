#include "engine/exact/splitting.hpp"

#include <algorithm>
#include <cmath>

namespace ntpgeo {
namespace {

constexpr double ridge = 1e-10;
constexpr double largest_growth = 2;

}  // namespace

Anderson::Anderson(const SolverRows& rows)
    : rows_(rows),
      backend_(rows.backend()),
      residual_(backend_, rows.size() * 8),
      moved_(backend_, rows.size() * 8),
      residual_changes_(backend_, window * rows.size() * 4),
      moved_changes_(backend_, window * rows.size() * 4),
      products_(window * window),
      right_(window) {}

void Anderson::clear() {
    steps_ = 0;
    plain_steps_ = first_plain_steps;
    mixed_ = false;
    least_ = std::numeric_limits<double>::infinity();
}

Matrix Anderson::history_of(const Array& changes, const RowRange& piece, std::int64_t first,
                            std::int64_t count) const {
    const std::int64_t size = piece.size() * rows_.vocab();
    return changes.matrix(Real::fp32, count, size, window * piece.first * rows_.vocab() + first * size);
}

void Anderson::subtract(const std::vector<double>& coefficients, std::int64_t first, Vector y) {
    for (const RowRange& piece : rows_.pieces()) {
        const Matrix rows = history_of(moved_changes_, piece, first, std::ssize(coefficients));
        backend_.subtract_rows(coefficients, rows, part_of(y, piece.first * rows_.vocab(), rows.columns));
    }
}

SplittingSums Anderson::take_step(double relaxation, Vector towards, Vector from, Vector y) {
    const bool has_change = steps_ > 0;
    const std::int64_t slot = (steps_ - 1) % window, used = std::min(steps_, window);
    const std::int64_t products = has_change ? used : 0;
    // The two lengths, then the products with the row and with g.
    const std::vector<double> sums = rows_.sums_of(2 + 2 * products, [&](const RowRange& piece) {
        const std::int64_t first = piece.first * rows_.vocab(), size = piece.size() * rows_.vocab();
        const auto row = [&](const Array& changes) {
            return has_change ? history_of(changes, piece, slot, 1).flat() : Vector{};
        };
        SplittingStep step{part_of(towards, first, size),
                           part_of(from, first, size),
                           part_of(y, first, size),
                           residual_.vector(Real::fp64, size, first),
                           moved_.vector(Real::fp64, size, first),
                           row(residual_changes_),
                           row(moved_changes_)};
        if (has_change) {
            step.history = history_of(residual_changes_, piece, 0, used);
            step.row = slot;
        }
        const SplittingSums found = backend_.splitting_step(relaxation, step);
        std::vector<double> numbers{found.step, found.point};
        numbers.insert(numbers.end(), found.with_row.begin(), found.with_row.end());
        numbers.insert(numbers.end(), found.with_vector.begin(), found.with_vector.end());
        return numbers;
    });
    const auto middle = sums.begin() + 2 + products;
    return {sums[0], sums[1], {sums.begin() + 2, middle}, {middle, sums.end()}};
}

StepLengths Anderson::advance(double relaxation, Vector towards, Vector from, Vector y) {
    const bool has_change = steps_ > 0;
    const std::int64_t slot = (steps_ - 1) % window, used = std::min(steps_, window);
    const SplittingSums sums = take_step(relaxation, towards, from, y);
    const double norm = std::sqrt(sums.step);
    const StepLengths lengths{norm, std::sqrt(sums.point)};
    if (mixed_ && norm > largest_growth * least_) {
        subtract({1}, slot, y);
        steps_ = 0;
        plain_steps_ *= 2;
        mixed_ = false;
        return lengths;
    }
    least_ = std::min(least_, norm);
    ++steps_;
    if (!has_change) return lengths;
    for (std::int64_t q = 0; q < used; ++q) {
        products_[slot * window + q] = products_[q * window + slot] = sums.with_row[q];
        right_[q] = sums.with_vector[q];
    }
    mixed_ = steps_ > plain_steps_;
    if (mixed_) subtract(coefficients(), 0, y);
    return lengths;
}

// Gaussian elimination without pivots: the matrix is positive definite, and at most 10 by 10.
std::vector<double> Anderson::coefficients() const {
    const std::int64_t n = std::min(steps_ - 1, window);
    std::vector<double> a(static_cast<std::size_t>(n * n)), x(right_.begin(), right_.begin() + n);
    double trace = 0;
    for (std::int64_t i = 0; i < n; ++i) trace += products_[i * window + i];
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t k = 0; k < n; ++k)
            a[i * n + k] = products_[i * window + k] + (i == k ? ridge * trace : 0.0);
    for (std::int64_t pivot = 0; pivot < n; ++pivot) {
        for (std::int64_t i = pivot + 1; i < n; ++i) {
            const double factor = a[i * n + pivot] / a[pivot * n + pivot];
            for (std::int64_t k = pivot; k < n; ++k) a[i * n + k] -= factor * a[pivot * n + k];
            x[i] -= factor * x[pivot];
        }
    }
    for (std::int64_t i = n - 1; i >= 0; --i) {
        for (std::int64_t k = i + 1; k < n; ++k) x[i] -= a[i * n + k] * x[k];
        x[i] /= a[i * n + i];
    }
    // A step that no longer moves has nothing to mix.
    if (!std::all_of(x.begin(), x.end(), [](double value) { return std::isfinite(value); }))
        std::fill(x.begin(), x.end(), 0.0);
    return x;
}

namespace {

constexpr double relaxation = 1.8;

}  // namespace

Splitting::Splitting(const SolverRows& rows, ThresholdBy by)
    : rows_(rows),
      state_(rows.backend(), rows.size() * 8),
      columns_point_(rows.backend(), rows.size() * 8),
      spectral_point_(rows.backend(), rows.size() * 8),
      reflected_(rows.backend(), rows.size() * 8),
      spectrum_(rows, by),
      anderson_(rows) {}

StepLengths Splitting::accept() {
    return anderson_.advance(relaxation, spectral_point().flat(), columns_point().flat(), state().flat());
}

std::int64_t Splitting::bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards) {
    const std::int64_t spectrum = DenseSpectrum::bytes(rows, vocab);
    // With shards the first rank decomposes what all have, beside it.
    const std::int64_t at_first = shards > 0 ? 2 * rows * vocab * 8 + spectrum : 0;
    return rows * vocab * 4 * 8 + Anderson::bytes(rows * vocab) + spectrum +
           SolverRows::bytes(rows, vocab, shards) + at_first;
}

}  // namespace ntpgeo
