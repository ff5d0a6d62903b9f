#include "engine/geometry/limit_geometry.hpp"

#include <algorithm>
#include <cmath>

namespace ntpgeo {
namespace {

std::optional<double> cosine(double inner, double norm, double other_norm) {
    if (!(norm > 0) || !(other_norm > 0)) return std::nullopt;
    return inner / norm / other_norm;
}

double inner_product(Backend& backend, const Array& a, const Array& b) {
    const std::int64_t size = a.bytes() / bytes_of(Real::fp64);
    return backend.dot(a.vector(Real::fp64, size), b.vector(Real::fp64, size));
}

}  // namespace

LimitGeometry::LimitGeometry(Backend& backend, const LimitFactors& factors)
    : backend_(backend),
      vocab_size_(factors.vocab_size),
      context_count_(factors.context_count),
      rank_(factors.rank) {
    if (rank_ == 0) return;
    words_ = upload_array(backend, factors.words);
    contexts_ = upload_array(backend, factors.contexts);
    // ‖AAᵀ‖_F = ‖AᵀA‖_F, and ‖W_lH_lᵀ‖_F² = ⟨W_lᵀW_l, H_lᵀH_l⟩.
    const Array words_gram = product(backend, words(), words()),
                contexts_gram = product(backend, contexts(), contexts());
    words_norm_ = std::sqrt(inner_product(backend, words_gram, words_gram));
    contexts_norm_ = std::sqrt(inner_product(backend, contexts_gram, contexts_gram));
    norm_ = std::sqrt(std::max(0.0, inner_product(backend, words_gram, contexts_gram)));
}

Array LimitGeometry::product(const Place& place, Matrix a, Matrix b) const {
    Array result(place.memory, a.columns * b.columns * bytes_of(Real::fp64));
    place.backend.multiply(a_transposed, 1, a, b, 0, result.matrix(Real::fp64, a.columns, b.columns));
    return result;
}

void LimitGeometry::queue_alignment(const Place& place, Matrix words, Matrix contexts, double* out) const {
    const Array a = product(place, words, this->words()), b = product(place, contexts, this->contexts());
    const std::int64_t size = words.columns * rank_;
    place.backend.dot_into(a.vector(Real::fp64, size), b.vector(Real::fp64, size), out);
}

void LimitGeometry::queue_gram(const Place& place, Matrix factor, Matrix own, double* out) const {
    const Array gram = product(place, factor, factor), shared = product(place, factor, own);
    const Vector of_gram = gram.vector(Real::fp64, factor.columns * factor.columns),
                 of_shared = shared.vector(Real::fp64, factor.columns * own.columns);
    place.backend.dot_into(of_shared, of_shared, out);
    place.backend.dot_into(of_gram, of_gram, out + 1);
}

void LimitGeometry::queue(const Place& place, Matrix words, Matrix contexts, double* out) const {
    if (rank_ == 0) return place.backend.fill_zero({out, Real::fp64, sums});
    queue_alignment(place, words, contexts, out);
    queue_gram(place, words, this->words(), out + 1);
    queue_gram(place, contexts, this->contexts(), out + 3);
}

LimitGeometry::Cosines LimitGeometry::cosines(const double* of, double low_rank_norm) const {
    return {cosine(of[0], low_rank_norm, norm_), cosine(of[1], std::sqrt(of[2]), words_norm_),
            cosine(of[3], std::sqrt(of[4]), contexts_norm_)};
}

std::optional<double> LimitGeometry::alignment(Matrix words, Matrix contexts, double low_rank_norm) const {
    if (!(norm_ > 0) || !(low_rank_norm > 0)) return std::nullopt;
    const Array out(backend_, bytes_of(Real::fp64));
    queue_alignment(backend_, words, contexts, out.as<double>());
    return cosine(download_array<double>(backend_, out.data(), 1)[0], low_rank_norm, norm_);
}

std::optional<double> LimitGeometry::gram_cosine(Matrix factor, Matrix own, double own_norm) const {
    if (!(own_norm > 0)) return std::nullopt;
    const Array out(backend_, 2 * bytes_of(Real::fp64));
    queue_gram(backend_, factor, own, out.as<double>());
    const auto of = download_array<double>(backend_, out.data(), 2);
    return cosine(of[0], std::sqrt(of[1]), own_norm);
}

std::optional<double> LimitGeometry::words_gram_cosine(Matrix words) const {
    return gram_cosine(words, this->words(), words_norm_);
}

std::optional<double> LimitGeometry::contexts_gram_cosine(Matrix contexts) const {
    return gram_cosine(contexts, this->contexts(), contexts_norm_);
}

LimitGeometry::Memory LimitGeometry::memory(std::int64_t vocab_size, std::int64_t context_count,
                                            std::int64_t rank, std::int64_t dim) {
    if (rank == 0) return {};
    return {8 * (vocab_size + context_count) * rank, 16 * rank * rank,
            8 * std::max(2 * dim * rank, dim * dim + dim * rank)};
}

}  // namespace ntpgeo
