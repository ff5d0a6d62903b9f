#include "engine/geometry/proxy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/geometry/implicit_matrix.hpp"
#include "engine/geometry/spectrum.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t dense_limit = 4096;
constexpr std::int64_t leading = 64;

/// A triplet that has not come so near to one, relative to σ₁, is none.
constexpr double largest_residual = 1e-8;

/// What counts as a singular value of zero, relative to the largest: the rounding of a Gram matrix of that
/// size.
double zero_below(std::int64_t shorter) {
    return std::sqrt(static_cast<double>(shorter) * 0x1p-52);
}

/// S̃ᵀS̃ [m, m]: |S_i ∩ S_j| − k_i k_j / V.
std::vector<double> contexts_gram(const Dataset& data) {
    const std::int64_t m = data.contexts();
    std::vector<double> gram(static_cast<std::size_t>(m * m), 0.0);
    std::vector<std::vector<std::int64_t>> contexts_of(static_cast<std::size_t>(data.vocab_size));
    for (std::int64_t j = 0; j < m; ++j)
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
            contexts_of[data.indices[i]].push_back(j);
    for (const auto& contexts : contexts_of)
        for (const std::int64_t a : contexts)
            for (const std::int64_t b : contexts) gram[a * m + b] += 1;
    for (std::int64_t a = 0; a < m; ++a)
        for (std::int64_t b = 0; b < m; ++b)
            gram[a * m + b] -= static_cast<double>(data.support_size(a)) *
                               static_cast<double>(data.support_size(b)) /
                               static_cast<double>(data.vocab_size);
    return gram;
}

}  // namespace

std::vector<double> support_words_gram(const Dataset& data) {
    const std::int64_t n = data.vocab_size;
    std::vector<double> gram(static_cast<std::size_t>(n * n), 0.0), mean(static_cast<std::size_t>(n), 0.0);
    for (std::int64_t j = 0; j < data.contexts(); ++j)
        for (std::int64_t a = data.indptr[j]; a < data.indptr[j + 1]; ++a)
            for (std::int64_t b = data.indptr[j]; b < data.indptr[j + 1]; ++b)
                gram[data.indices[a] * n + data.indices[b]] += 1;
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t k = 0; k < n; ++k) mean[i] += gram[i * n + k];
        mean[i] /= static_cast<double>(n);
        total += mean[i];
    }
    total /= static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t k = 0; k < n; ++k) gram[i * n + k] -= mean[i] + mean[k] - total;
    return gram;
}

bool SupportProxy::is_dense(std::int64_t vocab, std::int64_t contexts) {
    return std::min(vocab, contexts) <= dense_limit;
}

std::int64_t SupportProxy::most_vectors(std::int64_t vocab, std::int64_t contexts) {
    return is_dense(vocab, contexts) ? std::min(vocab, contexts) : leading;
}

SupportProxy::SupportProxy(Backend& backend, const Dataset& dataset, const LabelsView& labels,
                           double most_operations)
    : backend_(backend), labels_(labels) {
    double square = 0;
    for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
        const double size = static_cast<double>(dataset.support_size(j));
        square += size * (1 - size / static_cast<double>(dataset.vocab_size));
    }
    norm_ = std::sqrt(square);
    const std::int64_t shorter = std::min(dataset.vocab_size, dataset.contexts());
    left_ = dataset.vocab_size <= dataset.contexts();
    if (!is_dense(dataset.vocab_size, dataset.contexts())) {
        const CentredSupport support(backend, labels);
        LeadingSpectrum spectrum =
            leading_spectrum(backend, support, leading, 0, 0, {most_operations, largest_residual});
        const auto found = static_cast<std::int64_t>(spectrum.values.size());
        std::size_t kept = 0;
        while (kept < spectrum.values.size() && spectrum.residuals[kept] <= largest_residual &&
               spectrum.values[kept] > spectrum.values[0] * zero_below(shorter))
            ++kept;
        spectrum.values.resize(kept);
        kind_ = "leading " + std::to_string(kept);
        values_ = std::move(spectrum.values);
        if (!values_.empty())
            vectors_ = leading_columns(backend, spectrum.vectors.matrix(Real::fp64, shorter, found),
                                       static_cast<std::int64_t>(values_.size()));
        make_weights();
        return;
    }
    kind_ = "dense";
    const SymmetricEigen eigen =
        backend.symmetric_eigen(left_ ? support_words_gram(dataset) : contexts_gram(dataset), shorter);
    const double floor = std::max(eigen.values[0], 0.0) * static_cast<double>(shorter) * 0x1p-52;
    std::int64_t count = 0;
    while (count < shorter && eigen.values[count] > floor) ++count;
    std::vector<double> vectors(static_cast<std::size_t>(shorter * count));
    for (std::int64_t i = 0; i < shorter; ++i)
        for (std::int64_t k = 0; k < count; ++k) vectors[i * count + k] = eigen.vectors[i * shorter + k];
    for (std::int64_t k = 0; k < count; ++k) values_.push_back(std::sqrt(eigen.values[k]));
    vectors_ = upload_array(backend, vectors);
    make_weights();
}

void SupportProxy::make_weights() {
    std::vector<double> same, other;
    for (const double value : values_) {
        same.push_back(std::sqrt(value));
        other.push_back(std::sqrt(1 / value));
    }
    same_weights_ = upload_array(backend_, same);
    other_weights_ = upload_array(backend_, other);
}

SupportProxy::Memory SupportProxy::memory(const LabelsView& labels) {
    const std::int64_t shorter = std::min(labels.vocab_size, labels.contexts);
    // The decomposition takes the Gram matrix, its eigenvectors and as much to work in as either.
    const std::int64_t gram = 8 * shorter * shorter;
    if (is_dense(labels.vocab_size, labels.contexts)) return {gram + 16 * shorter, 3 * gram, gram, shorter};
    return {8 * (shorter + 2) * leading, leading_spectrum_bytes(labels.vocab_size, labels.contexts, leading),
            0, leading};
}

// ⟨XXᵀ, UΣUᵀ⟩ = ‖Σ^½ UᵀX‖²; on the other side XᵀV Σ^½ = (S̃X)ᵀU Σ^-½.
void SupportProxy::queue_gram(const Place& place, Matrix factor, bool same_side, double* out) const {
    const std::int64_t dim = factor.columns, count = static_cast<std::int64_t>(values_.size());
    if (count == 0) return place.backend.fill_zero({out, Real::fp64, sums});
    const std::int64_t shorter = left_ ? labels_.vocab_size : labels_.contexts;
    Array mapped;
    Matrix rows = factor;
    if (!same_side) {
        mapped = Array(place.memory, shorter * dim * bytes_of(Real::fp64));
        rows = mapped.matrix(Real::fp64, shorter, dim);
        const CentredSupport support(place, labels_);
        left_ ? support.times(factor, rows) : support.transposed_times(factor, rows);
    }
    const Array product(place.memory, count * dim * bytes_of(Real::fp64)),
        gram(place.memory, dim * dim * bytes_of(Real::fp64));
    const Matrix shared = product.matrix(Real::fp64, count, dim), own = gram.matrix(Real::fp64, dim, dim);
    place.backend.multiply(a_transposed, 1, vectors_.matrix(Real::fp64, shorter, count), rows, 0, shared);
    place.backend.scale_lines((same_side ? same_weights_ : other_weights_).vector(Real::fp64, count), false,
                              shared);
    place.backend.dot_into(shared.flat(), shared.flat(), out);
    place.backend.multiply(a_transposed, 1, factor, factor, 0, own);
    place.backend.dot_into(own.flat(), own.flat(), out + 1);
}

double SupportProxy::cosine(const double* of) const {
    if (values_.empty()) return std::numeric_limits<double>::quiet_NaN();
    return of[0] / (std::sqrt(of[1]) * norm_);
}

void SupportProxy::queue_words_gram(const Place& place, Matrix words, double* out) const {
    queue_gram(place, words, left_, out);
}

void SupportProxy::queue_contexts_gram(const Place& place, Matrix contexts, double* out) const {
    queue_gram(place, contexts, !left_, out);
}

Directions SupportProxy::directions(std::int64_t count) const {
    const std::int64_t shorter = left_ ? labels_.vocab_size : labels_.contexts;
    const Matrix vectors = vectors_.matrix(Real::fp64, shorter, static_cast<std::int64_t>(values_.size()));
    return complete_directions(backend_, CentredSupport(backend_, labels_), vectors, left_, values_, count);
}

double SupportProxy::words_gram_cosine(Matrix words) const {
    const Array out(backend_, sums * bytes_of(Real::fp64));
    queue_words_gram(backend_, words, out.as<double>());
    return cosine(download_array<double>(backend_, out.data(), sums).data());
}

double SupportProxy::contexts_gram_cosine(Matrix contexts) const {
    const Array out(backend_, sums * bytes_of(Real::fp64));
    queue_contexts_gram(backend_, contexts, out.as<double>());
    return cosine(download_array<double>(backend_, out.data(), sums).data());
}

}  // namespace ntpgeo
