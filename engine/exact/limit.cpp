#include "engine/exact/limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/exact/settings.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr double unit_roundoff = 0x1p-53;
constexpr double penalty = 0.5;  // c of design (4.2-1)
constexpr double sign_rounding = 1e-10;
constexpr double norm_rounding = 1e-9;        // of ‖S̃‖_* at most, relatively
constexpr std::int64_t first_splitting = 20;  // steps before Newton's method
// Splitting alone: how many times faster one of Z and M may move, and how much ρ changes at once.
constexpr double unbalanced = 2, largest_change = 4;
// ‖X − Z‖ next to ‖Z‖ where splitting has met its rounding.
constexpr double rounding_of_points = 1e-15;

// S̃·D, one row a support class of `rows` (design 1.1, 4.2).
std::vector<double> scaled_proxy(const MergedContexts& merged, const RowRange& rows) {
    const std::int64_t vocab = merged.labels.vocab_size;
    std::vector<double> matrix(static_cast<std::size_t>(rows.size() * vocab));
    for (std::int64_t c = rows.first; c < rows.end; ++c) {
        double* const row = matrix.data() + (c - rows.first) * vocab;
        const double mean = static_cast<double>(merged.labels.support_size(c)) / static_cast<double>(vocab);
        std::fill_n(row, vocab, -mean * merged.scales[c]);
        for (std::int64_t s = merged.labels.indptr[c]; s < merged.labels.indptr[c + 1]; ++s)
            row[merged.labels.indices[s]] = (1 - mean) * merged.scales[c];
    }
    return matrix;
}

}  // namespace

ProxyVerdict judge_proxy(const ProxyTest& proxy, double nuclear_norm, double relative_gap) {
    const double excess = proxy.nuclear_norm / nuclear_norm - 1;
    if (proxy.sign_violations == 0 && excess <= relative_gap + norm_rounding) return ProxyVerdict::is_limit;
    return excess > norm_rounding ? ProxyVerdict::is_longer : ProxyVerdict::unproven;
}

LimitSolver::LimitSolver(Backend& backend, const Dataset& dataset, double tolerance,
                         std::int64_t newton_iterations, ThresholdBy by, const TeamSums* sums)
    : backend_(backend),
      merged_(merge_by_support(dataset)),
      rows_(backend, sums, merged_.labels.contexts(), dataset.vocab_size),
      labels_(backend, merged_.labels),
      margins_(upload_array(backend, merged_.scales)),
      splitting_(rows_, by),
      best_point_(backend, rows_.size() * 8),
      proxy_matrix_(upload_array(backend, scaled_proxy(merged_, rows_.own()))),
      balanced_point_(backend, rows_.size() * 8),
      balanced_dual_(backend, rows_.size() * 8),
      tolerance_(tolerance),
      schedule_(tolerance),
      most_newton_(newton_iterations) {
    const std::int64_t rows = merged_.labels.contexts(), vocab = dataset.vocab_size;
    if (!SmoothedNewton::fits(rows, vocab)) most_newton_ = 0;
    const Vector proxy = matrix(proxy_matrix_).flat();
    proxy_norm_ = std::sqrt(rows_.dot(proxy, proxy));
    test_proxy();
    const double least = least_tolerance(rows, vocab, proxy_.nuclear_norm);
    if (!(tolerance >= least))
        throw InputError(fmt::format(
            "a tolerance of {} cannot be certified in fp64 for {} support sets over {} words; the "
            "least that can is {}",
            tolerance, rows, vocab, least_tolerance_text(least)));
    if (proxy_norm_ > 0) unit_ = std::sqrt(static_cast<double>(std::min(rows, vocab))) / proxy_norm_;
    rho_ = penalty * unit_;
    backend_.copy(proxy, splitting_.state().flat());
    if (proxy_norm_ == 0) best_ = newest_ = LimitCertificate{};
}

double LimitSolver::least_tolerance(std::int64_t rows, std::int64_t vocab, double proxy_nuclear_norm) {
    const auto shorter = static_cast<double>(std::min(rows, vocab)),
               longer = static_cast<double>(std::max(rows, vocab));
    // Twice: the spectral norm's bound, the sums of the dual's columns, and the bound on the nuclear norm.
    return 2 * unit_roundoff *
           (shorter * longer + 4 * static_cast<double>(vocab) * proxy_nuclear_norm + longer +
            shorter * shorter + 16 * std::pow(shorter, 1.5));
}

std::int64_t LimitSolver::bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards) {
    const std::int64_t newton = SmoothedNewton::fits(rows, vocab) ? SmoothedNewton::bytes(rows, vocab) : 0;
    // With shards the first rank tests a proxy of its own.
    return Splitting::bytes(rows, vocab, shards) + (shards > 0 ? 5 : 4) * rows * vocab * 8 + newton;
}

// Without shards in the splitting's memory before it has any other content; with them by the first rank.
void LimitSolver::test_proxy() {
    if (!rows_.has_shards())
        return test_proxy(splitting_.spectrum(), matrix(proxy_matrix_), splitting_.columns_point(),
                          splitting_.reflected());
    rows_.at_first([&] {
        const std::int64_t rows = rows_.rows(), vocab = rows_.vocab();
        const Array proxy = upload_array(backend_, scaled_proxy(merged_, {0, rows})),
                    polar(backend_, rows * vocab * 8), work(backend_, rows * vocab * 8);
        const auto whole = [&](const Array& array) { return array.matrix(Real::fp64, rows, vocab); };
        DenseSpectrum spectrum(backend_, rows, vocab);
        test_proxy(spectrum, whole(proxy), whole(polar), whole(work));
    });
    const double none = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> found =
        rows_.from_first({proxy_.nuclear_norm, proxy_.sign_violations.value_or(none)});
    proxy_.nuclear_norm = found[0];
    if (!std::isnan(found[1])) proxy_.sign_violations = found[1];
}

// N = UVᵀ of S̃; ‖S̃‖_*; and the share of off-support entries where N is positive (design 1.4).
void LimitSolver::test_proxy(DenseSpectrum& spectrum, Matrix proxy, Matrix polar, Matrix work) {
    const std::int64_t rows = merged_.labels.contexts(), vocab = merged_.labels.vocab_size;
    if (proxy_norm_ > 0) proxy_.nuclear_norm = spectrum.polar(proxy, polar, work);
    // A class of n contexts stands for n columns of S̃ whose entries of N are its own over √n.
    double entries = 0, violations = 0;
    if (proxy_norm_ > 0) {
        const std::vector<double> host = download_array<double>(backend_, polar.data, rows * vocab);
        for (std::int64_t c = 0; c < rows; ++c) {
            const double members = merged_.scales[c] * merged_.scales[c];
            std::int64_t positive = 0, next = merged_.labels.indptr[c];
            for (std::int64_t v = 0; v < vocab; ++v) {
                if (next < merged_.labels.indptr[c + 1] && merged_.labels.indices[next] == v)
                    ++next;
                else if (host[c * vocab + v] > sign_rounding)
                    ++positive;
            }
            entries += members * static_cast<double>(vocab - merged_.labels.support_size(c));
            violations += members * static_cast<double>(positive);
        }
    }
    if (entries > 0) proxy_.sign_violations = violations / entries;
}

void LimitSolver::advance(bool certify) {
    if (proxy_norm_ == 0) return;
    const InRegion region(backend_, Region::iteration);
    ++iterations_;
    try {
        newton_ ? improve(certify) : split(certify);
    } catch (const OutOfDeviceMemory&) {
        --iterations_;  // the state is that of the iteration before, or a step of it that was not mixed
        throw;
    }
}

void LimitSolver::split(bool certify) {
    backend_.project_margins(rows_.own_labels(labels_.view()), margins(), splitting_.state(),
                             splitting_.columns_point(), splitting_.reflected());
    const bool certified = certify || iterations_ == first_splitting || schedule_.due(iterations_);
    if (in_fp32_)
        splitting_.propose_in_fp32(1 / rho_);
    else
        splitting_.propose(1 / rho_, certified ? Remember::yes : Remember::no);
    if (certified) make_certificate(certify);
    const StepLengths lengths = splitting_.accept();
    if (!std::isfinite(lengths.step)) not_finite();
    splitting_rests_ = !in_fp32_ && lengths.step <= rounding_of_points * lengths.point;
    if (splitting_rests_ && newest_->iterations != iterations_) make_certificate(true);
    if (finished()) return;
    if (most_newton_ > 0 && iterations_ >= first_splitting && newest_->iterations == iterations_ &&
        schedule_.crawls()) {
        make_newton();
        newton_->start(rho_, *best_->relative_gap);
    } else if (iterations_ % first_splitting == 0) {
        balance_penalty();
    }
}

// ρ so that Z and M = ρ(Z − Y) move about as fast as each other. The iteration begins anew from both.
void LimitSolver::balance_penalty() {
    const Vector z = splitting_.columns_point().flat(), y = splitting_.state().flat(),
                 dual = splitting_.reflected().flat(), last_z = matrix(balanced_point_).flat(),
                 last_dual = matrix(balanced_dual_).flat();
    backend_.copy(z, dual);
    backend_.axpy(-1, y, dual);
    backend_.scale(rho_, dual);
    if (looked_at_penalty_) {
        backend_.axpy(-1, z, last_z);
        backend_.axpy(-1, dual, last_dual);
        const double ratio =
            std::sqrt(rows_.dot(last_dual, last_dual)) / (rho_ * std::sqrt(rows_.dot(last_z, last_z)));
        if (std::isfinite(ratio) && (ratio < 1 / unbalanced || ratio > unbalanced)) {
            rho_ *= std::clamp(ratio, 1 / largest_change, largest_change);
            backend_.copy(z, y);
            backend_.axpy(-1 / rho_, dual, y);
            splitting_.restart();
        }
    }
    backend_.copy(z, last_z);
    backend_.copy(dual, last_dual);
    looked_at_penalty_ = true;
}

void LimitSolver::make_newton() {
    newton_.emplace(rows_, labels_.view(), margins(), splitting_, unit_, tolerance_, best_->nuclear_norm);
}

void LimitSolver::improve(bool certify) {
    in_fp32_ = false;
    const bool is_worth_it = newton_->step();
    if (!std::isfinite(newton_->length())) not_finite();
    ++newton_iterations_;
    if (!is_worth_it && !certify && newton_iterations_ < most_newton_) return;
    rho_ = newton_->state().rho;
    make_certificate(certify);
    if (is_worth_it && !finished()) newton_->next_problem();
}

void LimitSolver::not_finite() const {
    throw NotFinite("the limit's iteration " + std::to_string(iterations_) + " is not finite");
}

bool LimitSolver::finished() const {
    return proxy_norm_ == 0 || (best_ && *best_->relative_gap <= tolerance_);
}

bool LimitSolver::at_rest() const {
    return !finished() && (newton_ ? newton_->at_rest() : splitting_rests_);
}

bool LimitSolver::ended() const {
    if (finished() || at_rest()) return true;
    return newton_ ? newton_iterations_ >= most_newton_ : schedule_.stalled();
}

SingularFactors LimitSolver::factors() {
    if (proxy_norm_ == 0 || !best_) return {};
    const Matrix point = matrix(best_point_);
    subtract_means(point);
    SingularFactors result = splitting_.spectrum().decompose(point, splitting_.reflected());
    // A certificate on the way is made in the basis at hand, and before the means are subtracted.
    best_->nuclear_norm = std::min(best_->nuclear_norm, result.norm.bound);
    best_->rank = result.norm.rank;
    best_->relative_gap = (best_->nuclear_norm - *best_->bound) / best_->nuclear_norm;
    if (rows_.is_first()) result.contexts = spread_over_members(merged_, result.contexts, result.rank());
    return result;
}

// Every row's mean, which is as feasible and never longer: steps in fp32 leave one at their rounding.
void LimitSolver::subtract_means(Matrix point) {
    const Array ones =
        upload_array(backend_, std::vector<double>(static_cast<std::size_t>(point.columns), 1.0));
    const Array sums(backend_, point.rows * 8);
    const Matrix column = sums.matrix(Real::fp64, point.rows, 1),
                 row = ones.matrix(Real::fp64, 1, point.columns);
    rows_.multiply_rows(b_transposed, 1, point, row, 0, column);
    rows_.multiply_rows(plain, -1 / static_cast<double>(point.columns), column, row, 1, point);
}

Matrix LimitSolver::matrix(const Array& array) const {
    return rows_.matrix(array);
}

LimitSolver::State LimitSolver::state() const {
    const InRegion region(backend_, Region::checkpoint);
    State state{iterations_, {}, rho_, best_, rows_.on_first(splitting_.state()), {}};
    if (newton_) state.newton = newton_->state();
    if (best_ && proxy_norm_ > 0) state.best_point = rows_.on_first(matrix(best_point_));
    return state;
}

void LimitSolver::restore(const State& state) {
    const auto size = static_cast<std::size_t>(rows_.rows() * rows_.vocab());
    if (state.y.size() != size || (state.best && state.best_point.size() != size))
        throw InputError(fmt::format("the saved state has {} and {} numbers, not {}", state.y.size(),
                                     state.best_point.size(), size));
    rows_.upload_own(state.y, splitting_.state());
    if (state.best) rows_.upload_own(state.best_point, matrix(best_point_));
    iterations_ = state.iterations;
    if (state.rho > 0) rho_ = state.rho;
    best_ = state.best;
    newest_.reset();
    schedule_ = CertificateSchedule(tolerance_, iterations_);
    splitting_rests_ = looked_at_penalty_ = false;
    splitting_.restart();
    newton_iterations_ = 0;
    newton_.reset();
    if (!state.newton || !best_ || most_newton_ == 0) return;
    make_newton();
    newton_->start(*state.newton);
}

}  // namespace ntpgeo
