#include "engine/exact/path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr double unit_roundoff = 0x1p-53;
// Below this an excess is what rounding p to fp64 makes of an optimum of 0.
constexpr double rounding_of_labels = 1e-28;
// From 0 the iteration finds small λ only by way of larger ones, a decade at a time and roughly.
constexpr double first_lambda = 1e-2;
constexpr double tolerance_on_the_way = 1e-2;

/// c of design (4.3-2).
double penalty(std::int64_t vocab) {
    return vocab < 500 ? 1 : 0.3;
}

void check_grid(const std::vector<double>& lambdas) {
    if (lambdas.empty()) throw InputError("the path has no lambda; give at least one");
    for (std::size_t k = 0; k < lambdas.size(); ++k) {
        if (!(lambdas[k] > 0) || !std::isfinite(lambdas[k]))
            throw InputError(fmt::format("lambda {} of the path must be positive and finite", lambdas[k]));
        if (k > 0 && !(lambdas[k] < lambdas[k - 1]))
            throw InputError(
                fmt::format("the path's lambdas must fall, but {} follows {}", lambdas[k], lambdas[k - 1]));
    }
}

}  // namespace

PathSolver::PathSolver(Backend& backend, const Dataset& dataset, std::vector<double> lambdas,
                       double tolerance, ThresholdBy by, const TeamSums* sums)
    : backend_(backend),
      merged_(merge_by_label(dataset)),
      rows_(backend, sums, merged_.labels.contexts(), dataset.vocab_size),
      labels_(backend, merged_.labels),
      scales_(upload_array(backend, merged_.scales)),
      unfinished_(upload_array(backend, std::vector<std::int64_t>{0})),
      splitting_(rows_, by),
      current_(backend, rows_.size() * 8),
      previous_(backend, rows_.size() * 8),
      lambdas_(std::move(lambdas)),
      tolerance_(tolerance),
      nnz_norm_(std::sqrt(static_cast<double>(dataset.nnz()))),
      schedule_(tolerance) {
    check_grid(lambdas_);
    std::vector<double> on_the_way;
    double lambda = first_lambda;
    while (lambda > 3 * lambdas_[0]) {
        on_the_way.push_back(lambda);
        lambda /= 10;
    }
    lambdas_.insert(lambdas_.begin(), on_the_way.begin(), on_the_way.end());
    on_the_way_ = on_the_way.size();
    if (!(tolerance > 0)) throw InputError(fmt::format("a tolerance of {} must be positive", tolerance));
    for (const Matrix zero :
         {splitting_.state(), splitting_.columns_point(), matrix(current_), matrix(previous_)})
        backend_.fill_zero(zero.flat());
    choose_penalty();
}

std::int64_t PathSolver::bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards) {
    return Splitting::bytes(rows, vocab, shards) + 2 * rows * vocab * 8;
}

Matrix PathSolver::matrix(const Array& array) const {
    return rows_.matrix(array);
}

void PathSolver::choose_penalty() {
    const Vector before = matrix(current_).flat();
    const double shorter = static_cast<double>(
        std::min(merged_.labels.vocab_size, static_cast<std::int64_t>(merged_.group_of.size())));
    const double expected = nnz_norm_ * std::max(1.0, 0.4 * std::log(1 / lambda()));
    rho_ = penalty(merged_.labels.vocab_size) * lambda() * std::sqrt(shorter) /
           std::max(std::sqrt(rows_.dot(before, before)), expected);
}

void PathSolver::propose(Remember remember) {
    backend_.prox_cross_entropy(rows_.own_labels(labels_.view()), scales(), rho_, splitting_.state(),
                                splitting_.columns_point(), splitting_.reflected(),
                                unfinished_.as<std::int64_t>());
    splitting_.propose(lambda() / rho_, remember);
    ++iterations_;
}

bool PathSolver::advance() {
    const InRegion region(backend_, Region::iteration);
    const bool certified = schedule_.due(iterations_ + 1);
    propose(certified ? Remember::yes : Remember::no);
    if (certified) {
        const PathCertificate certificate = certify();
        schedule_.note(iterations_, certificate.relative_gap);
        if (point_ >= on_the_way_) {
            last_ = certificate;
            if (certificate.relative_gap <= tolerance_ || schedule_.stalled()) return true;
        } else if (certificate.relative_gap <= tolerance_on_the_way || schedule_.stalled()) {
            next_point();
            return false;
        }
    }
    accept();
    return false;
}

void PathSolver::step() {
    propose(Remember::no);
    accept();
}

PathCertificate PathSolver::step_and_certify() {
    propose(Remember::yes);
    const PathCertificate certificate = certify();
    accept();
    return certificate;
}

void PathSolver::accept() {
    if (!std::isfinite(splitting_.accept().step)) not_finite();
}

void PathSolver::not_finite() const {
    const std::int64_t unfinished = download_array<std::int64_t>(backend_, unfinished_.data(), 1)[0];
    throw NotFinite(
        fmt::format("the path's iteration {} at lambda {} is not finite ({} columns had not converged)",
                    iterations_, lambda(), unfinished));
}

// The objective from Z, whose nuclear norm is known, and the bound from the gradient at X
// (design (1.4-8)). Rounding lengthens the norm that the dual point is scaled by, which costs the bound
// λ‖L‖_* times as much.
PathCertificate PathSolver::certify() {
    const InRegion region(backend_, Region::certificate);
    const Matrix x = splitting_.columns_point(), z = splitting_.spectral_point(),
                 gradient = splitting_.reflected();
    DenseSpectrum& spectrum = splitting_.spectrum();
    PathCertificate now;
    now.lambda = lambda();
    now.iterations = iterations_;
    now.nuclear_norm = spectrum.nuclear_norm();
    now.rank = spectrum.rank();
    const auto sums_of = [&](Matrix matrix, const auto& of_columns) {
        return rows_.sums_of(2, [&](const RowRange& piece) {
            const auto found = of_columns(rows_.labels_of(piece, labels_.view()), scales() + piece.first,
                                          SolverRows::piece_of(matrix, piece));
            return std::vector<double>{found.excess, found.rounding};
        });
    };
    const std::vector<double> losses =
        sums_of(z, [&](const LabelsView& labels, const double* of_rows, Matrix part) {
            return backend_.column_cross_entropy(labels, of_rows, part, {});
        });
    const ColumnLoss loss{losses[0], losses[1]};
    const double norm_rounding = spectrum.nuclear_norm_rounding();
    now.objective_excess = loss.excess + loss.rounding + lambda() * (now.nuclear_norm + norm_rounding);
    backend_.prox_gradient(rows_.own_labels(labels_.view()), scales(), rho_, splitting_.state(), x, gradient);
    const SpectralNorm norm = spectrum.spectral_norm(gradient);
    if (!std::isfinite(norm.bound) || !std::isfinite(now.objective_excess)) not_finite();
    const double t = norm.bound > 0 ? std::min(1.0, lambda() / norm.bound * (1 - 4 * unit_roundoff)) : 1.0;
    const std::vector<double> entropies =
        sums_of(gradient, [&](const LabelsView& labels, const double* of_rows, Matrix part) {
            return backend_.dual_entropy(labels, of_rows, part, t);
        });
    const DualEntropy entropy{entropies[0], entropies[1]};
    now.bound_excess = std::max(0.0, entropy.excess - entropy.rounding);  // no objective is below Hent
    if (!(now.objective_excess > rounding_of_labels)) return now;         // an optimum of 0, and no gap
    now.relative_gap = (now.objective_excess - now.bound_excess) / now.objective_excess;
    const double of_scale = t < 1 ? now.nuclear_norm * (norm.rounding / norm.bound + 4 * unit_roundoff) : 0.0;
    now.rounding =
        (loss.rounding + entropy.rounding + lambda() * (norm_rounding + of_scale)) / now.objective_excess;
    return now;
}

SingularFactors PathSolver::factors() {
    SingularFactors result =
        splitting_.spectrum().decompose(splitting_.spectral_point(), splitting_.reflected());
    if (rows_.is_first()) result.contexts = spread_over_members(merged_, result.contexts, result.rank());
    return result;
}

std::vector<double> PathSolver::bound_logits() {
    const std::vector<double> rows = rows_.on_first(splitting_.columns_point());
    if (!rows_.is_first()) return {};
    return spread_over_members(merged_, rows, rows_.vocab());
}

// Start at λ from Z₂ + (Z₂ − Z₁) in log λ, and from the Y at which that point and the gradient λ/λ₂·G₂ are at
// rest.
void PathSolver::next_point() {
    // Alone of all below it may run out of memory: nothing has changed by then.
    backend_.column_cross_entropy(rows_.own_labels(labels_.view()), scales(), splitting_.columns_point(),
                                  splitting_.reflected());
    const double before = lambda();
    const std::size_t done = point_++;
    backend_.copy(matrix(current_).flat(), matrix(previous_).flat());
    backend_.copy(splitting_.spectral_point().flat(), matrix(current_).flat());
    iterations_ = 0;
    schedule_ = CertificateSchedule(tolerance_);
    last_.reset();
    if (finished()) return;
    choose_penalty();
    const Vector y = splitting_.state().flat();
    backend_.copy(matrix(current_).flat(), y);
    if (done > 0) {
        const double ratio = std::log(lambda() / before) / std::log(before / lambdas_[done - 1]);
        backend_.axpy(ratio, matrix(current_).flat(), y);
        backend_.axpy(-ratio, matrix(previous_).flat(), y);
    }
    backend_.copy(y, splitting_.columns_point().flat());
    backend_.axpy(lambda() / before / rho_, splitting_.reflected().flat(), y);
    splitting_.restart();
}

void PathSolver::start_from(const std::vector<double>& logits) {
    const std::int64_t vocab = merged_.labels.vocab_size;
    std::vector<double> rows(static_cast<std::size_t>(merged_.labels.contexts() * vocab), 0.0);
    for (std::size_t j = 0; j < merged_.group_of.size(); ++j) {
        const std::int64_t c = merged_.group_of[j];
        for (std::int64_t v = 0; v < vocab; ++v)
            rows[c * vocab + v] += logits[j * vocab + v] / merged_.scales[c];  // √n_c times the mean
    }
    point_ = on_the_way_;
    backend_.upload(rows.data(), current_.data(), static_cast<std::int64_t>(rows.size()) * 8);
    choose_penalty();
    const Vector y = splitting_.state().flat();
    backend_.copy(matrix(current_).flat(), splitting_.columns_point().flat());
    backend_.copy(matrix(current_).flat(), y);
    backend_.column_cross_entropy(labels_.view(), scales_.as<double>(), splitting_.columns_point(),
                                  splitting_.reflected());
    backend_.axpy(1 / rho_, splitting_.reflected().flat(), y);
    splitting_.restart();
}

PathSolver::State PathSolver::state() const {
    const InRegion region(backend_, Region::checkpoint);
    return {point_,
            iterations_,
            rho_,
            rows_.on_first(splitting_.state()),
            rows_.on_first(splitting_.columns_point()),
            rows_.on_first(matrix(current_)),
            rows_.on_first(matrix(previous_))};
}

void PathSolver::restore(const State& state) {
    const auto size = static_cast<std::size_t>(rows_.rows() * rows_.vocab());
    if (state.point >= lambdas_.size() || state.y.size() != size || state.x.size() != size ||
        state.current.size() != size || state.previous.size() != size)
        throw InputError("the saved state does not belong to this path");
    point_ = state.point;
    iterations_ = state.iterations;
    rho_ = state.rho;
    rows_.upload_own(state.y, splitting_.state());
    rows_.upload_own(state.x, splitting_.columns_point());
    rows_.upload_own(state.current, matrix(current_));
    rows_.upload_own(state.previous, matrix(previous_));
    schedule_ = CertificateSchedule(tolerance_);
    last_.reset();
    splitting_.restart();
}

}  // namespace ntpgeo
