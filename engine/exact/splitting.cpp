#include "engine/exact/splitting.hpp"

#include <algorithm>
#include <cmath>

namespace ntpgeo {
namespace {

constexpr double ridge = 1e-10;
constexpr double largest_growth = 2;

}  // namespace

Anderson::Anderson(Backend& backend, std::int64_t size)
    : backend_(backend),
      size_(size),
      residual_(backend, size * 8),
      moved_(backend, size * 8),
      residual_changes_(backend, window * size * 4),
      moved_changes_(backend, window * size * 4),
      products_(window * window),
      right_(window) {}

void Anderson::clear() {
    steps_ = 0;
    plain_steps_ = first_plain_steps;
    mixed_ = false;
    least_ = std::numeric_limits<double>::infinity();
}

StepLengths Anderson::advance(double relaxation, Vector towards, Vector from, Vector y) {
    const bool has_change = steps_ > 0;
    const std::int64_t slot = (steps_ - 1) % window;
    const auto row = [&](const Array& rows) {
        return has_change ? rows.vector(Real::fp32, size_, slot * size_) : Vector{};
    };
    SplittingStep step{towards,
                       from,
                       y,
                       residual_.vector(Real::fp64, size_),
                       moved_.vector(Real::fp64, size_),
                       row(residual_changes_),
                       row(moved_changes_)};
    const std::int64_t used = std::min(steps_, window);
    if (has_change) {
        step.history = residual_changes_.matrix(Real::fp32, used, size_);
        step.row = slot;
    }
    const SplittingSums sums = backend_.splitting_step(relaxation, step);
    const double norm = std::sqrt(sums.step);
    const StepLengths lengths{norm, std::sqrt(sums.point)};
    if (mixed_ && norm > largest_growth * least_) {
        backend_.subtract_rows({1}, moved_changes_.matrix(Real::fp32, 1, size_, slot * size_), y);
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
    if (mixed_) {
        const std::vector<double> mix = coefficients();
        backend_.subtract_rows(
            mix, moved_changes_.matrix(Real::fp32, static_cast<std::int64_t>(mix.size()), size_), y);
    }
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

Splitting::Splitting(Backend& backend, std::int64_t rows, std::int64_t vocab, ThresholdBy by)
    : rows_(rows),
      vocab_(vocab),
      state_(backend, rows * vocab * 8),
      columns_point_(backend, rows * vocab * 8),
      spectral_point_(backend, rows * vocab * 8),
      reflected_(backend, rows * vocab * 8),
      spectrum_(backend, rows, vocab, by),
      anderson_(backend, rows * vocab) {}

StepLengths Splitting::accept() {
    return anderson_.advance(relaxation, spectral_point().flat(), columns_point().flat(), state().flat());
}

std::int64_t Splitting::bytes(std::int64_t rows, std::int64_t vocab) {
    return rows * vocab * 4 * 8 + Anderson::bytes(rows * vocab) + DenseSpectrum::bytes(rows, vocab);
}

}  // namespace ntpgeo
