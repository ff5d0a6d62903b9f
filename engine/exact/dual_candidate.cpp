#include "engine/exact/training_certificate.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "engine/exact/solver_rows.hpp"
#include "engine/exact/threshold.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t lanczos_steps = 80;
constexpr double miss_probability = 1e-9;

double exact_norm(Backend& backend, DualCandidate& candidate, std::int64_t vocab, std::int64_t contexts) {
    if (candidate.chunks() == 1) {
        const Matrix all = candidate.chunk(0);
        return DenseSpectrum(backend, all.rows, vocab).norm_bound(all);
    }
    const Array sum(backend, vocab * vocab * 8), part(backend, vocab * vocab * 8), values(backend, vocab * 8),
        squares_of_chunks(backend, candidate.chunks() * 8);
    const Vector total = sum.vector(Real::fp64, vocab * vocab);
    backend.fill_zero(total);
    for (std::int64_t k = 0; k < candidate.chunks(); ++k) {
        const Matrix rows = candidate.chunk(k);
        backend.gram(rows, true, part.matrix(Real::fp64, vocab, vocab));
        backend.axpy(1, part.vector(Real::fp64, vocab * vocab), total);
        backend.dot_into(rows.flat(), rows.flat(), squares_of_chunks.as<double>() + k);
    }
    const std::vector<double> parts =
        download_array<double>(backend, squares_of_chunks.data(), candidate.chunks());
    const double square = std::accumulate(parts.begin(), parts.end(), 0.0);
    const std::vector<double> squares =
        backend.decompose_symmetric(sum.matrix(Real::fp64, vocab, vocab), values.vector(Real::fp64, vocab));
    return gram_norm_bound(squares[0], vocab, contexts, square);
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
    return sum;
}

// The largest Ritz value of DᵀD after k steps with full reorthogonalisation.
double largest_ritz_value(Backend& backend,
                          const std::function<std::vector<double>(const std::vector<double>&)>& apply,
                          std::int64_t vocab, std::int64_t steps, std::uint64_t seed, std::uint64_t stream) {
    const Array start(backend, vocab * 8);
    backend.fill_normal(start.vector(Real::fp64, vocab), {seed, stream}, 1);
    std::vector<std::vector<double>> basis = {download_array<double>(backend, start.data(), vocab)};
    std::vector<double> diagonal, next_to_it;
    double length = std::sqrt(dot(basis[0], basis[0]));
    for (std::int64_t k = 0; k < steps && length > 0; ++k) {
        for (double& value : basis.back()) value /= length;
        std::vector<double> u = apply(basis.back());
        diagonal.push_back(dot(u, basis.back()));
        for (int pass = 0; pass < 2; ++pass) {
            for (const std::vector<double>& vector : basis) {
                const double overlap = dot(u, vector);
                for (std::size_t i = 0; i < u.size(); ++i) u[i] -= overlap * vector[i];
            }
        }
        length = std::sqrt(dot(u, u));
        if (length < 1e-14 * diagonal[0]) break;
        next_to_it.push_back(length);
        basis.push_back(std::move(u));
    }
    const auto n = static_cast<std::int64_t>(diagonal.size());
    std::vector<double> tridiagonal(static_cast<std::size_t>(n * n), 0.0);
    for (std::int64_t k = 0; k < n; ++k) {
        tridiagonal[k * n + k] = diagonal[k];
        if (k + 1 < n) tridiagonal[k * n + k + 1] = tridiagonal[(k + 1) * n + k] = next_to_it[k];
    }
    return backend.symmetric_eigen(std::move(tridiagonal), n).values[0];
}

}  // namespace

std::vector<double> product_with_gram(Backend& backend, DualCandidate& candidate,
                                      const std::vector<double>& v) {
    const auto vocab = static_cast<std::int64_t>(v.size());
    const Array from = upload_array(backend, v), to(backend, vocab * 8);
    backend.fill_zero(to.vector(Real::fp64, vocab));
    for (std::int64_t k = 0; k < candidate.chunks(); ++k) {
        const Matrix rows = candidate.chunk(k);
        const Array image(backend, rows.rows * 8);
        backend.multiply(plain, 1, rows, from.matrix(Real::fp64, vocab, 1), 0,
                         image.matrix(Real::fp64, rows.rows, 1));
        backend.multiply(a_transposed, 1, rows, image.matrix(Real::fp64, rows.rows, 1), 1,
                         to.matrix(Real::fp64, vocab, 1));
    }
    return download_array<double>(backend, to.data(), vocab);
}

std::int64_t DualCandidate::chunk_rows(std::int64_t vocab, std::int64_t contexts, std::int64_t entries) {
    return std::min(contexts, std::max<std::int64_t>(1, entries / vocab));
}

std::int64_t DualCandidate::bytes(std::int64_t vocab, std::int64_t contexts) {
    return std::int64_t{16} * chunk_rows(vocab, contexts) * vocab;
}

DualCandidate::DualCandidate(Backend& backend, const LabelsView& labels, const CandidateFactors& factors,
                             double lambda, std::int64_t entries)
    : backend_(backend),
      labels_(labels),
      factors_(factors),
      lambda_(lambda),
      rows_(chunk_rows(labels.vocab_size, labels.contexts, entries)),
      candidate_(backend, rows_ * labels.vocab_size * 8) {
    if (factors.polar_words.data) polar_ = Array(backend, rows_ * labels.vocab_size * 8);
}

LabelsView DualCandidate::labels(std::int64_t k) const {
    return SolverRows::rows_of(labels_, k * rows_, std::min(rows_, labels_.contexts - k * rows_));
}

Matrix DualCandidate::chunk(std::int64_t k) {
    const LabelsView part = labels(k);
    const RowRange rows{k * rows_, k * rows_ + part.contexts};
    const Matrix d = candidate_.matrix(Real::fp64, part.contexts, labels_.vocab_size);
    if (made_ == k) return d;
    backend_.multiply(b_transposed, 1, SolverRows::piece_of(factors_.contexts, rows), factors_.words, 0, d);
    backend_.column_cross_entropy(part, nullptr, d, d);
    if (factors_.polar_words.data) {
        const Matrix n = polar_.matrix(Real::fp64, part.contexts, labels_.vocab_size);
        backend_.multiply(b_transposed, 1, SolverRows::piece_of(factors_.polar_contexts, rows),
                          factors_.polar_words, 0, n);
        largest_scale_ = std::min(largest_scale_, backend_.polar_candidate(part, lambda_, n, d));
    }
    made_ = k;
    return d;
}

CandidateNorm probable_norm(Backend& backend, std::int64_t vocab,
                            const std::function<std::vector<double>(const std::vector<double>& v)>& apply,
                            std::uint64_t seed, std::uint64_t stream) {
    const double ritz = largest_ritz_value(backend, apply, vocab, lanczos_steps, seed, stream);
    const double root = std::log(1.648 * std::sqrt(static_cast<double>(vocab)) / miss_probability) /
                        static_cast<double>(2 * lanczos_steps - 1);
    return {std::sqrt(ritz / (1 - root * root) * (1 + 1e-9)), false};
}

CandidateNorm probable_norm_of(Backend& backend, DualCandidate& candidate, std::uint64_t seed,
                               std::uint64_t stream) {
    const auto apply = [&](const std::vector<double>& v) { return product_with_gram(backend, candidate, v); };
    return probable_norm(backend, candidate.chunk(0).columns, apply, seed, stream);
}

CandidateNorm norm_of(Backend& backend, DualCandidate& candidate, std::uint64_t seed, std::uint64_t stream) {
    const Matrix first = candidate.chunk(0);
    const std::int64_t vocab = first.columns;
    std::int64_t contexts = 0;
    for (std::int64_t k = 0; k < candidate.chunks(); ++k) contexts += candidate.labels(k).contexts;
    const std::int64_t side = candidate.chunks() == 1 ? std::min(vocab, contexts) : vocab;
    if (side <= DualCandidate::largest_gram) return {exact_norm(backend, candidate, vocab, contexts), true};
    return probable_norm_of(backend, candidate, seed, stream);
}

}  // namespace ntpgeo
