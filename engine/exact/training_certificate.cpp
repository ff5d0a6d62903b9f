#include "engine/exact/training_certificate.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "engine/exact/candidate.hpp"
#include "engine/exact/path.hpp"
#include "engine/exact/solver_rows.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr double unit_roundoff = 0x1p-53;
constexpr std::int64_t most_logits_to_sharpen = 5'000'000;
constexpr int sharpening = 20;
constexpr double smallest_polar_value = 1e-12;  // of σ₁: below, a direction is rounding

/// U [V, r] and V [m, r] of the polar factor UVᵀ of W̄Hᵀ: QR of both and one small SVD (design 1.4).
struct PolarFactors {
    Array words, contexts;
    std::int64_t rank = 0;
};

Array orthonormal_copy(Backend& backend, Matrix a) {
    Array copy(backend, a.rows * a.columns * 8);
    const Matrix q = copy.matrix(Real::fp64, a.rows, a.columns);
    backend.copy(a.flat(), q.flat());
    backend.orthonormalise(q);
    return copy;
}

PolarFactors polar_factors(Backend& backend, Matrix words, Matrix contexts) {
    const std::int64_t dim = words.columns;
    const Array q_words = orthonormal_copy(backend, words), q_contexts = orthonormal_copy(backend, contexts);
    const auto square = [&](const Array& q, Matrix a) {
        Array r(backend, dim * dim * 8);
        backend.multiply(a_transposed, 1, q.matrix(Real::fp64, a.rows, dim), a, 0,
                         r.matrix(Real::fp64, dim, dim));
        return r;
    };
    const Array r_words = square(q_words, words), r_contexts = square(q_contexts, contexts),
                core(backend, dim * dim * 8);
    backend.multiply(b_transposed, 1, r_words.matrix(Real::fp64, dim, dim),
                     r_contexts.matrix(Real::fp64, dim, dim), 0, core.matrix(Real::fp64, dim, dim));
    // The two R have done their part.
    const std::vector<double> sigma =
        backend.small_svd(core.matrix(Real::fp64, dim, dim), r_words.matrix(Real::fp64, dim, dim),
                          r_contexts.matrix(Real::fp64, dim, dim));
    const auto on_left = download_array<double>(backend, r_words.data(), dim * dim),
               on_right = download_array<double>(backend, r_contexts.data(), dim * dim);
    PolarFactors polar;
    while (polar.rank < dim && sigma[polar.rank] > smallest_polar_value * sigma[0]) ++polar.rank;
    if (polar.rank == 0) return polar;
    std::vector<double> left(static_cast<std::size_t>(dim * polar.rank)), right(left.size());
    for (std::int64_t i = 0; i < dim; ++i) {
        for (std::int64_t k = 0; k < polar.rank; ++k) {
            left[i * polar.rank + k] = on_left[i * dim + k];
            right[i * polar.rank + k] = on_right[k * dim + i];
        }
    }
    const auto rotate = [&](const Array& q, std::int64_t rows, const std::vector<double>& small) {
        const Array factor = upload_array(backend, small);
        Array result(backend, rows * polar.rank * 8);
        backend.multiply(plain, 1, q.matrix(Real::fp64, rows, dim),
                         factor.matrix(Real::fp64, dim, polar.rank), 0,
                         result.matrix(Real::fp64, rows, polar.rank));
        return result;
    };
    polar.words = rotate(q_words, words.rows, left);
    polar.contexts = rotate(q_contexts, contexts.rows, right);
    return polar;
}

void keep_better(OptimumBound other, OptimumBound& best) {
    if (other.excess > best.excess) best = std::move(other);
}

/// The bounds of one certificate's candidates, whole or shared as `make` has them.
class CandidateBounds {
  public:
    using Make = std::function<std::unique_ptr<Candidate>(const CandidateFactors&)>;

    CandidateBounds(Make make, double lambda, std::uint64_t seed, std::int64_t step)
        : make_(std::move(make)),
          lambda_(lambda),
          seed_(seed),
          stream_((std::uint64_t{1} << 40) + 2 * static_cast<std::uint64_t>(step)) {}

    [[nodiscard]] OptimumBound of_gradient(const CandidateFactors& factors) const {
        return bound(factors, "gradient", stream_);
    }
    /// Kept where it is better.
    void try_polar(CandidateFactors factors, Matrix words, Matrix contexts, OptimumBound& best) const {
        factors.polar_words = words;
        factors.polar_contexts = contexts;
        keep_better(bound(factors, "polar", stream_ + 1), best);
    }

  private:
    [[nodiscard]] OptimumBound bound(const CandidateFactors& factors, const char* kind,
                                     std::uint64_t stream) const {
        const std::unique_ptr<Candidate> candidate = make_(factors);
        const CandidateNorm norm = candidate->norm(seed_, stream);
        if (!std::isfinite(norm.value)) throw Failure("the spectral norm of a dual candidate is not finite");
        double t = norm.value > 0 ? std::min(1.0, lambda_ / norm.value * (1 - 4 * unit_roundoff)) : 1.0;
        t = std::min(t, candidate->largest_scale() * (1 - 4 * unit_roundoff));
        return {candidate->entropy(t),
                std::string(kind) + (norm.exact ? ", exact norm" : ", probabilistic norm (1e-9)")};
    }

    Make make_;
    double lambda_;
    std::uint64_t seed_, stream_;  // of random numbers that no other part draws from
};

/// fp64 copies of W, its columns centred, and of H.
struct Centred {
    Array words, contexts;
    CandidateFactors factors;
};

Centred centred(Backend& backend, Matrix words, Matrix contexts) {
    const std::int64_t dim = words.columns;
    Centred own{Array(backend, words.rows * dim * 8), Array(backend, contexts.rows * dim * 8), {}};
    const Array mean(backend, dim * 8);
    own.factors.words = own.words.matrix(Real::fp64, words.rows, dim);
    own.factors.contexts = own.contexts.matrix(Real::fp64, contexts.rows, dim);
    backend.copy(words.flat(), own.factors.words.flat());
    backend.copy(contexts.flat(), own.factors.contexts.flat());
    backend.column_means(own.factors.words, mean.vector(Real::fp64, dim));
    backend.subtract_row(mean.vector(Real::fp64, dim), own.factors.words);
    return own;
}

/// 20 iterations of the path's solver from L, where that is affordable; kept where they are better.
void sharpen(Backend& backend, const Dataset& dataset, const CandidateFactors& factors, double lambda,
             const std::function<void()>& between, OptimumBound& best) {
    const std::int64_t vocab = factors.words.rows, rows = factors.contexts.rows;
    if (vocab * rows > most_logits_to_sharpen) return;
    const Array logits(backend, rows * vocab * 8);
    backend.multiply(b_transposed, 1, factors.contexts, factors.words, 0,
                     logits.matrix(Real::fp64, rows, vocab));
    PathSolver solver(backend, dataset, {lambda}, 1e-6);
    solver.start_from(download_array<double>(backend, logits.data(), rows * vocab));
    for (int k = 1; k <= sharpening; ++k) {
        if (between) between();
        if (k % 10 == 0)
            keep_better({solver.step_and_certify().bound_excess,
                         "splitting from L, " + std::to_string(k) + " iterations, exact norm"},
                        best);
        else
            solver.step();
    }
}

}  // namespace

std::optional<double> relative_gap(double excess_loss, double lambda, double words_norm, double contexts_norm,
                                   const std::optional<OptimumBound>& bound) {
    const double objective =
        excess_loss + lambda / 2 * (words_norm * words_norm + contexts_norm * contexts_norm);
    if (!bound || !(objective > 0)) return std::nullopt;
    return (objective - bound->excess) / objective;
}

OptimumBounder::OptimumBounder(Backend& backend, const Dataset& dataset, const LabelsView& labels)
    : backend_(backend), dataset_(dataset), labels_(labels) {}

std::int64_t OptimumBounder::bytes(std::int64_t vocab, std::int64_t contexts, std::int64_t dim) {
    const std::int64_t factors = 5 * (vocab + contexts) * dim * 8,
                       side = std::min(vocab, DualCandidate::largest_gram);
    const std::int64_t streamed = DualCandidate::bytes(vocab, contexts) + 5 * side * side * 8;
    const std::int64_t sharpened = vocab * contexts <= most_logits_to_sharpen
                                       ? PathSolver::bytes(contexts, vocab) + vocab * contexts * 8
                                       : 0;
    return factors + std::max(streamed, sharpened);
}

std::int64_t OptimumBounder::shared_bytes(std::int64_t vocab, std::int64_t contexts, std::int64_t dim,
                                          std::int64_t shards) {
    return bytes(vocab, contexts, dim) + SharedCandidate::bytes(vocab, contexts, shards);
}

OptimumBound OptimumBounder::bound(Matrix words, Matrix contexts, double lambda, std::uint64_t seed,
                                   std::int64_t step, const std::function<void()>& between) {
    const InRegion region(backend_, Region::certificate);
    const std::int64_t dim = words.columns, vocab = words.rows, rows = contexts.rows;
    const Centred own = centred(backend_, words, contexts);
    const CandidateBounds bounds(
        [&](const CandidateFactors& factors) {
            return std::make_unique<WholeCandidate>(backend_, labels_, factors, lambda);
        },
        lambda, seed, step);
    OptimumBound best = bounds.of_gradient(own.factors);
    if (between) between();
    if (dim <= std::min(vocab, rows)) {
        const PolarFactors polar = polar_factors(backend_, own.factors.words, own.factors.contexts);
        if (polar.rank > 0)
            bounds.try_polar(own.factors, polar.words.matrix(Real::fp64, vocab, polar.rank),
                             polar.contexts.matrix(Real::fp64, rows, polar.rank), best);
    }
    sharpen(backend_, dataset_, own.factors, lambda, between, best);
    best.excess = std::max(best.excess, 0.0);  // no objective is below Hent
    return best;
}

OptimumBound shared_optimum_bound(const SolverRows& rows, const Dataset& dataset, const LabelsView& labels,
                                  Matrix words, Matrix contexts, double lambda, std::uint64_t seed,
                                  std::int64_t step, const std::function<void()>& between) {
    Backend& backend = rows.backend();
    const InRegion region(backend, Region::certificate);
    const std::int64_t dim = words.columns, vocab = words.rows, all = rows.rows();
    const Centred own = centred(backend, words, contexts);
    const CandidateBounds bounds(
        [&](const CandidateFactors& factors) {
            return std::make_unique<SharedCandidate>(rows, labels, factors, lambda);
        },
        lambda, seed, step);
    OptimumBound best = bounds.of_gradient(own.factors);
    between();
    const std::vector<double> on_first = rows.on_first(own.factors.contexts);
    const Array all_contexts =
        rows.is_first() ? upload_array(backend, on_first) : Array(backend, std::int64_t{8});
    CandidateFactors whole{own.factors.words, all_contexts.matrix(Real::fp64, all, dim), {}, {}};
    if (dim <= std::min(vocab, all)) {
        PolarFactors polar;
        rows.at_first([&] { polar = polar_factors(backend, whole.words, whole.contexts); });
        polar.rank = static_cast<std::int64_t>(rows.from_first({static_cast<double>(polar.rank)})[0]);
        if (polar.rank > 0) {
            if (!rows.is_first()) {
                polar.words = Array(backend, vocab * polar.rank * 8);
                polar.contexts = Array(backend, all * polar.rank * 8);
            }
            const Matrix of_words = polar.words.matrix(Real::fp64, vocab, polar.rank),
                         of_all = polar.contexts.matrix(Real::fp64, all, polar.rank);
            rows.from_first(of_words.flat());
            rows.from_first(of_all.flat());
            bounds.try_polar(own.factors, of_words, rows.own_rows(of_all), best);
        }
    }
    between();
    rows.at_first([&] { sharpen(backend, dataset, whole, lambda, {}, best); });
    best.excess = std::max(rows.from_first({best.excess})[0], 0.0);
    best.kind = rows.sums()->from_first(best.kind);
    return best;
}

}  // namespace ntpgeo
