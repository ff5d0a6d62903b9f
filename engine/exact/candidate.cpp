#include "engine/exact/candidate.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/exact/threshold.hpp"
#include "kernels/team/row_sums.hpp"

namespace ntpgeo {
namespace {

double proven(Backend& backend, DualCandidate& rows, double t) {
    double excess = 0;
    for (std::int64_t k = 0; k < rows.chunks(); ++k) {
        const Matrix chunk = rows.chunk(k);
        const DualEntropy entropy = backend.dual_entropy(rows.labels(k), nullptr, chunk, t);
        excess += entropy.excess - entropy.rounding;
    }
    return excess;
}

Matrix part_of(Matrix all, const RowRange& piece) {
    return all.data ? SolverRows::piece_of(all, piece) : all;
}

}  // namespace

double WholeCandidate::entropy(double t) {
    return proven(backend_, rows_, t);
}

SharedCandidate::SharedCandidate(const SolverRows& rows, const LabelsView& labels,
                                 const CandidateFactors& factors, double lambda,
                                 const CandidateLimits& limits)
    : rows_(rows), backend_(rows.backend()), limits_(limits) {
    const std::int64_t entries = std::max(limits.entries / rows.sums()->shards().count, rows.vocab());
    pieces_.reserve(rows.pieces().size());
    for (const RowRange& piece : rows.pieces()) {
        CandidateFactors of_piece = factors;
        of_piece.contexts = part_of(factors.contexts, piece);
        of_piece.polar_contexts = part_of(factors.polar_contexts, piece);
        pieces_.push_back({SolverRows::rows_of(labels, piece.first, piece.size()), nullptr});
        Piece& made = pieces_.back();
        made.rows = std::make_unique<DualCandidate>(backend_, made.labels, of_piece, lambda, entries);
    }
}

std::int64_t SharedCandidate::bytes(std::int64_t vocab, std::int64_t contexts, std::int64_t shards) {
    const std::int64_t side = std::min(vocab, DualCandidate::largest_gram);
    const std::int64_t entries = std::max(DualCandidate::chunk_entries, shards * vocab);
    return 16 * std::min(entries, contexts * vocab) + 24 * side * side +
           RowSums::bytes(shards, 1, side * side, Real::fp64, Real::fp64);
}

CandidateNorm SharedCandidate::norm(std::uint64_t seed, std::uint64_t stream) {
    const std::int64_t vocab = rows_.vocab();
    if (rows_.rows() * vocab <= limits_.entries && rows_.shorter() <= limits_.gram) {
        const Array all(backend_, rows_.size() * 8);
        const Matrix own = rows_.matrix(all);
        for (std::size_t k = 0; k < pieces_.size(); ++k) {
            DualCandidate& candidate = *pieces_[k].rows;
            for (std::int64_t chunk = 0, row = rows_.pieces()[k].first; chunk < candidate.chunks(); ++chunk) {
                const Matrix made = candidate.chunk(chunk);
                backend_.copy(made.flat(), SolverRows::piece_of(own, {row, row + made.rows}).flat());
                row += made.rows;
            }
        }
        return {DenseSpectrum(rows_, ThresholdBy::decomposition).norm_bound(own), true};
    }
    if (vocab <= limits_.gram) return {exact_norm(), true};
    return probable_norm(
        backend_, vocab, [this](const std::vector<double>& v) { return apply(v); }, seed, stream);
}

double SharedCandidate::exact_norm() {
    const std::int64_t vocab = rows_.vocab();
    const Array sum(backend_, vocab * vocab * 8), part(backend_, vocab * vocab * 8),
        values(backend_, vocab * 8);
    const Matrix total = sum.matrix(Real::fp64, vocab, vocab),
                 of_chunk = part.matrix(Real::fp64, vocab, vocab);
    RowSums sums(*rows_.sums(), backend_, backend_, Real::fp64, vocab, vocab);
    std::vector<double> squares;
    for (const Piece& piece : pieces_) {
        const Vector to = sums.next();
        double square = 0;
        backend_.fill_zero(to);
        for (std::int64_t k = 0; k < piece.rows->chunks(); ++k) {
            const Matrix chunk = piece.rows->chunk(k);
            backend_.gram(chunk, true, of_chunk);
            backend_.axpy(1, of_chunk.flat(), to);
            square += backend_.dot(chunk.flat(), chunk.flat());
        }
        sums.push();
        squares.push_back(square);
    }
    const RowRange own = rows_.sums()->own(vocab);
    sums.finish(SolverRows::piece_of(total, own).flat());
    rows_.share(total);
    const double square = rows_.sums()->number(squares);
    const std::vector<double> found =
        rows_.from_first(backend_.decompose_symmetric(total, values.vector(Real::fp64, vocab)));
    return gram_norm_bound(found[0], vocab, rows_.rows(), square);
}

std::vector<double> SharedCandidate::apply(const std::vector<double>& v) {
    std::vector<double> own;
    for (const Piece& piece : pieces_) {
        const std::vector<double> some = product_with_gram(backend_, *piece.rows, v);
        own.insert(own.end(), some.begin(), some.end());
    }
    return rows_.sums()->numbers(own, std::ssize(v));
}

double SharedCandidate::largest_scale() {
    double least = std::numeric_limits<double>::infinity();
    for (const Piece& piece : pieces_) least = std::min(least, piece.rows->largest_scale());
    for (const std::int64_t bits : rows_.sums()->values(std::bit_cast<std::int64_t>(least)))
        least = std::min(least, std::bit_cast<double>(bits));
    return least;
}

double SharedCandidate::entropy(double t) {
    std::vector<double> own;
    own.reserve(pieces_.size());
    for (const Piece& piece : pieces_) own.push_back(proven(backend_, *piece.rows, t));
    return rows_.sums()->number(own);
}

}  // namespace ntpgeo
