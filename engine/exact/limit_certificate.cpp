// What the limit's solver proves on its way (design 1.4, 4.2).
#include <algorithm>
#include <cmath>

#include "engine/exact/limit.hpp"

namespace ntpgeo {
namespace {

// While the gap is larger, splitting steps whose products are made in fp32 lead on as well as any.
constexpr double fp32_suffices_above = 1e-4;
// Where they do not, the gap comes to rest at their rounding: after so many iterations they end.
constexpr std::int64_t fp32_rests_at_most = 60;
// So many times the tolerance the gap may be for Z's own basis to be tried, and for M to be clipped, which
// takes its excess down to a third or so.
constexpr double worth_own_basis = 2, worth_clipping = 5;

// (4.2-6). |a_c| of the support's level is below ‖L_mm‖_*, so that is what an unbalanced column of M can
// cost.
double bound_of(const MarginDual& proof, double dual_norm, double nuclear_norm, double terms) {
    if (!(dual_norm > 0)) return 0;
    return std::max(0.0, (proof.bound * (1 - terms * 0x1p-52) - nuclear_norm * proof.imbalance) / dual_norm);
}

}  // namespace

void LimitSolver::make_certificate(bool precisely) {
    const InRegion region(backend_, Region::certificate);
    using Basis = DenseSpectrum::Basis;
    const Matrix z = splitting_.columns_point(), dual = splitting_.reflected();
    const auto terms = static_cast<double>(rows_.rows() * rows_.vocab());
    DenseSpectrum& spectrum = splitting_.spectrum();
    spectrum.queue_norm(z, in_fp32_ ? Basis::own : Basis::last_thresholded, dual);
    spectrum.queue_beside(0, z.flat(), matrix(proxy_matrix_).flat());
    const MarginDual proof = margin_dual(rho_, z, splitting_.state(), dual);
    spectrum.queue_beside(1, dual.flat(), dual.flat());
    const auto [norm_of_z, square, beside] = spectrum.queued_norm(2);
    NuclearNorm size = norm_of_z;
    double bound = bound_of(proof, spectrum.spectral_norm(dual, beside[1]).bound, size.bound, terms);
    // The gap that this leaves, over the tolerance.
    const auto excess = [&] {
        const double norm = best_ ? std::min(size.bound, best_->nuclear_norm) : size.bound;
        return (norm - std::max(bound, best_ ? *best_->bound : 0.0)) / norm / tolerance_;
    };
    if (newton_ && excess() > 1 && excess() <= worth_clipping)
        bound = std::max(bound, bound_of_clipped(dual, size.bound));
    if (!in_fp32_ && (precisely || excess() <= worth_own_basis)) {
        const NuclearNorm own = spectrum.nuclear_norm_bound(z, Basis::own, dual);
        size = {std::min(size.bound, own.bound), own.rank};
    }
    const double alignment = beside[0] / (std::sqrt(square) * proxy_norm_);
    newest_ = {iterations_, size.bound, bound, (size.bound - bound) / size.bound, size.rank, alignment};
    if (!std::isfinite(*newest_->relative_gap)) not_finite();
    keep_best();
    schedule_.note(iterations_, *best_->relative_gap);
    if (in_fp32_ &&
        (*best_->relative_gap <= fp32_suffices_above || schedule_.resting() >= fp32_rests_at_most)) {
        in_fp32_ = false;
        schedule_ = CertificateSchedule(tolerance_, iterations_);
    }
}

// What keeps ‖M‖₂ above 1 near the end is the residual, in few singular values. Lowered to 1 they leave
// columns that must be made feasible again, but by less.
double LimitSolver::bound_of_clipped(Matrix dual, double nuclear_norm) {
    const Matrix clipped = newton_->scratch(), zero = newton_->more_scratch();
    splitting_.spectrum().clip(dual, clipped);
    backend_.fill_zero(zero.flat());
    const MarginDual proof = margin_dual(1, clipped, zero, dual);
    return bound_of(proof, splitting_.spectrum().norm_bound(dual), nuclear_norm,
                    static_cast<double>(rows_.rows() * rows_.vocab()));
}

MarginDual LimitSolver::margin_dual(double rho, Matrix z, Matrix y, Matrix dual) {
    const std::vector<double> sums = rows_.sums_of(2, [&](const RowRange& piece) {
        const auto part = [&](const Matrix& m) { return SolverRows::piece_of(m, piece); };
        const MarginDual found =
            backend_.margin_dual(rows_.labels_of(piece, labels_.view()), margins() + piece.first, rho,
                                 part(z), part(y), part(dual));
        return std::vector<double>{found.bound, found.imbalance};
    });
    return {sums[0], sums[1]};
}

// A norm and a bound hold whatever iteration they are of.
void LimitSolver::keep_best() {
    const double bound = std::max(*newest_->bound, best_ ? *best_->bound : 0.0);
    if (!best_ || newest_->nuclear_norm < best_->nuclear_norm) {
        best_ = newest_;
        backend_.copy(splitting_.columns_point().flat(), matrix(best_point_).flat());
    }
    best_->iterations = iterations_;
    best_->bound = bound;
    best_->relative_gap = (best_->nuclear_norm - bound) / best_->nuclear_norm;
}

}  // namespace ntpgeo
