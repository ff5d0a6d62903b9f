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
    const Array words_gram = product(words(), words()), contexts_gram = product(contexts(), contexts());
    words_norm_ = std::sqrt(inner_product(backend, words_gram, words_gram));
    contexts_norm_ = std::sqrt(inner_product(backend, contexts_gram, contexts_gram));
    norm_ = std::sqrt(std::max(0.0, inner_product(backend, words_gram, contexts_gram)));
}

Array LimitGeometry::product(Matrix a, Matrix b) const {
    Array result(backend_, a.columns * b.columns * bytes_of(Real::fp64));
    backend_.multiply(a_transposed, 1, a, b, 0, result.matrix(Real::fp64, a.columns, b.columns));
    return result;
}

std::optional<double> LimitGeometry::alignment(Matrix words, Matrix contexts, double low_rank_norm) const {
    if (!(norm_ > 0) || !(low_rank_norm > 0)) return std::nullopt;
    const Array a = product(words, this->words()), b = product(contexts, this->contexts());
    return cosine(inner_product(backend_, a, b), low_rank_norm, norm_);
}

std::optional<double> LimitGeometry::gram_cosine(Matrix factor, Matrix own, double own_norm) const {
    if (!(own_norm > 0)) return std::nullopt;
    const Array gram = product(factor, factor), shared = product(factor, own);
    return cosine(inner_product(backend_, shared, shared), std::sqrt(inner_product(backend_, gram, gram)),
                  own_norm);
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
