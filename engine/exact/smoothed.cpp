#include "engine/exact/smoothed.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ntpgeo {
namespace {

SpectralMap map_of(const Smoothing& smoothing) {
    return {SpectralMap::Kind::smooth_shrink, smoothing.tau, smoothing.nu};
}

// Where one side is so many times the other, a product costs less by maps.
constexpr std::int64_t much_longer = 4;

bool is_much_longer(std::int64_t rows, std::int64_t vocab) {
    return std::max(rows, vocab) > much_longer * std::min(rows, vocab);
}

}  // namespace

SmoothedResidual::SmoothedResidual(const SolverRows& rows, const LabelsView& labels, const double* margins,
                                   Splitting& splitting)
    : rows_(rows),
      backend_(rows.backend()),
      labels_(labels),
      margins_(margins),
      splitting_(splitting),
      shorter_(rows.shorter()),
      by_maps_(is_much_longer(rows.rows(), rows.vocab()) || (rows.has_shards() && !rows.by_words())),
      levels_(upload_array(backend_, std::vector<double>(static_cast<std::size_t>(rows.own().size()),
                                                         std::numeric_limits<double>::quiet_NaN()))),
      weights_(backend_, rows.size() * 8),
      matrix_(backend_, rows.size() * 8),
      mirror_(backend_, rows.size() * 8),
      vectors_(backend_, shorter_ * shorter_ * 8),
      slopes_(backend_, shorter_ * shorter_ * 8),
      symmetric_(backend_, shorter_ * shorter_ * 8),
      factors_(backend_, shorter_ * 8) {
    for (Array* array : {&turned_, &image_})
        if (!by_maps_) *array = Array(backend_, rows.size() * 8);
    for (Array* array : {&map_, &inner_})
        if (by_maps_) *array = Array(backend_, shorter_ * shorter_ * 8);
}

std::int64_t SmoothedResidual::bytes(std::int64_t rows, std::int64_t vocab) {
    const std::int64_t shorter = std::min(rows, vocab);
    const bool by_maps = is_much_longer(rows, vocab);
    return 8 * (rows + (by_maps ? 3 : 5) * rows * vocab + (by_maps ? 5 : 3) * shorter * shorter + shorter);
}

Matrix SmoothedResidual::like_state(const Array& array, Real real) const {
    return rows_.matrix(array, real);
}

Matrix SmoothedResidual::square(const Array& array, Real real) const {
    return array.matrix(real, shorter_, shorter_);
}

double SmoothedResidual::evaluate(const Smoothing& smoothing, Real products) {
    real_ = products;
    smoothing_ = smoothing;
    const Matrix b = splitting_.reflected(), z = splitting_.columns_point(), x = splitting_.spectral_point();
    backend_.smooth_margins(labels_, margins_, smoothing, splitting_.state(), levels_.as<double>(), z, b,
                            like_state(weights_, real_));
    backend_.copy(b.flat(), like_state(matrix_, real_).flat());
    splitting_.spectrum().remember_and_filter(map_of(smoothing), b, x);
    backend_.axpy(-1, z.flat(), x.flat());
    return std::sqrt(rows_.dot(x.flat(), x.flat()));
}

void SmoothedResidual::linearise() {
    DenseSpectrum& spectrum = splitting_.spectrum();
    spectrum.slopes(map_of(smoothing_), factors_.vector(real_, shorter_), square(slopes_, real_));
    spectrum.vectors(square(vectors_, real_));
    const Matrix b = like_state(matrix_, real_), u = square(vectors_, real_);
    shared_matrix_ = rows_.collect(b, all_of_matrix_);
    if (by_maps_) {
        const Matrix scaled = square(symmetric_, real_);
        backend_.copy(u.flat(), scaled.flat());
        backend_.scale_lines(factors_.vector(real_, shorter_), true, scaled);
        backend_.multiply(b_transposed, 1, scaled, u, 0, square(map_, real_));
    } else if (splitting_.spectrum().by_words()) {  // everything is stored transposed
        rows_.multiply_rows(plain, 1, b, u, 0, like_state(turned_, real_));
    } else {
        backend_.multiply(a_transposed, 1, u, b, 0, like_state(turned_, real_));
    }
}

void SmoothedResidual::product(Vector direction, Vector out) {
    const auto state = [&](const Vector& v) {
        return Matrix{v.data, real_, rows_.own().size(), rows_.vocab()};
    };
    const Matrix mirror = like_state(mirror_, real_);
    backend_.project_direction(like_state(weights_, real_), state(direction), state(out), mirror);
    by_maps_ ? threshold_by_maps(mirror, state(out)) : threshold_by_vectors(mirror, state(out));
}

// out −= S D = U((G∘(H + Hᵀ))UᵀB + f E) with E = UᵀD and H = E(UᵀB)ᵀ.
void SmoothedResidual::threshold_by_vectors(Matrix mirror, Matrix out) {
    const Matrix turned = like_state(turned_, real_), image = like_state(image_, real_),
                 u = square(vectors_, real_), h = square(symmetric_, real_);
    const Vector factors = factors_.vector(real_, shorter_);
    const bool by_words = splitting_.spectrum().by_words();
    if (by_words)
        rows_.multiply_rows(plain, 1, mirror, u, 0, image);
    else
        backend_.multiply(a_transposed, 1, u, mirror, 0, image);
    rows_.cross(image, {turned}, h);
    backend_.weigh_symmetric_part(square(slopes_, real_), h);
    backend_.scale_lines(factors, by_words, image);
    if (by_words) {
        rows_.multiply_rows(plain, 1, turned, h, 1, image);
        rows_.multiply_rows(b_transposed, -1, image, u, 1, out);
    } else {
        backend_.multiply(plain, 1, h, turned, 1, image);
        backend_.multiply(plain, -1, u, image, 1, out);
    }
}

// The same as (U f Uᵀ)D + (U(G∘(T + Tᵀ))Uᵀ)B with T = Uᵀ(D Bᵀ)U.
void SmoothedResidual::threshold_by_maps(Matrix mirror, Matrix out) {
    const Matrix u = square(vectors_, real_), map = square(map_, real_), h = square(symmetric_, real_),
                 inner = square(inner_, real_);
    const SharedMatrix all_of_mirror = rows_.collect(mirror, all_of_mirror_);
    rows_.cross(mirror, shared_matrix_, h);
    backend_.multiply(plain, 1, h, u, 0, inner);
    backend_.multiply(a_transposed, 1, u, inner, 0, h);
    backend_.weigh_symmetric_part(square(slopes_, real_), h);
    backend_.multiply(plain, 1, u, h, 0, inner);
    backend_.multiply(b_transposed, 1, inner, u, 0, h);
    rows_.multiply(-1, all_of_mirror, map, 1, out);
    rows_.multiply(-1, shared_matrix_, h, 1, out);
}

}  // namespace ntpgeo
