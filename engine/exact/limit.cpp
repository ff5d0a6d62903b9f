#include "engine/exact/limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/exact/settings.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr double unit_roundoff = 0x1p-53;
constexpr double penalty = 0.5;  // c of design (4.2-1)
constexpr double sign_rounding = 1e-10;
constexpr double norm_rounding = 1e-9;  // of ‖S̃‖_* at most, relatively
// While the gap is larger, steps whose products are made in fp32 lead on as well as any.
constexpr double fp32_suffices_above = 1e-4;
// Where they do not, the gap comes to rest at their rounding: after so many iterations they end.
constexpr std::int64_t fp32_rests_at_most = 60;

// S̃·D, one row a support class (design 1.1, 4.2).
std::vector<double> scaled_proxy(const MergedContexts& merged) {
    const std::int64_t vocab = merged.labels.vocab_size;
    std::vector<double> matrix(static_cast<std::size_t>(merged.labels.contexts() * vocab));
    for (std::int64_t c = 0; c < merged.labels.contexts(); ++c) {
        double* const row = matrix.data() + c * vocab;
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

LimitSolver::LimitSolver(Backend& backend, const Dataset& dataset, double tolerance)
    : backend_(backend),
      merged_(merge_by_support(dataset)),
      labels_(backend, merged_.labels),
      margins_(upload_array(backend, merged_.scales)),
      splitting_(backend, merged_.labels.contexts(), dataset.vocab_size),
      best_point_(backend, merged_.labels.contexts() * dataset.vocab_size * 8),
      proxy_matrix_(upload_array(backend, scaled_proxy(merged_))),
      tolerance_(tolerance),
      schedule_(tolerance) {
    const std::int64_t rows = merged_.labels.contexts(), vocab = dataset.vocab_size;
    const Vector proxy = proxy_matrix_.vector(Real::fp64, rows * vocab);
    proxy_norm_ = std::sqrt(backend_.dot(proxy, proxy));
    test_proxy();
    const double least = least_tolerance(rows, vocab, proxy_.nuclear_norm);
    if (!(tolerance >= least))
        throw InputError(fmt::format(
            "a tolerance of {} cannot be certified in fp64 for {} support sets over {} words; the "
            "least that can is {}",
            tolerance, rows, vocab, least_tolerance_text(least)));
    if (proxy_norm_ > 0) rho_ = penalty * std::sqrt(static_cast<double>(std::min(rows, vocab))) / proxy_norm_;
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

std::int64_t LimitSolver::bytes(std::int64_t rows, std::int64_t vocab) {
    return Splitting::bytes(rows, vocab) + 2 * rows * vocab * 8;
}

// N = UVᵀ of S̃; ‖S̃‖_*; and the share of off-support entries where N is positive (design 1.4). Uses the
// splitting's memory before it has any other content.
void LimitSolver::test_proxy() {
    const std::int64_t rows = merged_.labels.contexts(), vocab = merged_.labels.vocab_size;
    const Matrix proxy = proxy_matrix_.matrix(Real::fp64, rows, vocab), polar = splitting_.columns_point();
    if (proxy_norm_ > 0)
        proxy_.nuclear_norm = splitting_.spectrum().polar(proxy, polar, splitting_.reflected());
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
    backend_.project_margins(labels_.view(), margins_.as<double>(), splitting_.state(),
                             splitting_.columns_point(), splitting_.reflected());
    ++iterations_;
    if (in_fp32_)
        splitting_.propose_in_fp32(1 / rho_);
    else
        splitting_.propose(1 / rho_);
    if (certify || schedule_.due(iterations_)) make_certificate(certify);
    if (!std::isfinite(splitting_.accept())) not_finite();
}

void LimitSolver::not_finite() const {
    throw Failure("the limit's iteration " + std::to_string(iterations_) + " is not finite");
}

void LimitSolver::make_certificate(bool precisely) {
    using Basis = DenseSpectrum::Basis;
    const Matrix z = splitting_.columns_point(), dual = splitting_.reflected();
    DenseSpectrum& spectrum = splitting_.spectrum();
    LimitCertificate now;
    now.iterations = iterations_;
    NuclearNorm size = spectrum.nuclear_norm_bound(z, in_fp32_ ? Basis::own : Basis::last_thresholded, dual);
    const MarginDual proof =
        backend_.margin_dual(labels_.view(), margins_.as<double>(), rho_, z, splitting_.state(), dual);
    const double norm = spectrum.norm_bound(dual);
    const auto terms = static_cast<double>(z.rows * z.columns);
    const auto conclude = [&] {
        now.nuclear_norm = size.bound;
        now.rank = size.rank;
        // |a_c| of the support's level is below ‖L_mm‖_*, so that is what an unbalanced column of M can cost.
        now.bound =
            norm > 0
                ? std::max(0.0,
                           (proof.bound * (1 - terms * 0x1p-52) - now.nuclear_norm * proof.imbalance) / norm)
                : 0;
        now.relative_gap = (now.nuclear_norm - *now.bound) / now.nuclear_norm;
    };
    conclude();
    // Z's own basis, once more an eigendecomposition, where the norm may be what is missing.
    if (!in_fp32_ && (precisely || *now.relative_gap <= 2 * tolerance_)) {
        const NuclearNorm own = spectrum.nuclear_norm_bound(z, Basis::own, dual);
        size = {std::min(size.bound, own.bound), own.rank};
        conclude();
    }
    const Vector proxy = proxy_matrix_.vector(Real::fp64, z.rows * z.columns);
    now.proxy_alignment =
        backend_.dot(z.flat(), proxy) / (std::sqrt(backend_.dot(z.flat(), z.flat())) * proxy_norm_);
    if (!std::isfinite(*now.relative_gap)) not_finite();
    schedule_.note(iterations_, *now.relative_gap);
    newest_ = now;
    if (in_fp32_ && (*now.relative_gap <= fp32_suffices_above || schedule_.resting() >= fp32_rests_at_most)) {
        in_fp32_ = false;
        schedule_ = CertificateSchedule(tolerance_, iterations_);
    }
    if (!best_ || *now.relative_gap < *best_->relative_gap) {
        best_ = now;
        backend_.copy(z.flat(), best_point_.vector(Real::fp64, z.rows * z.columns));
    }
}

bool LimitSolver::finished() const {
    return proxy_norm_ == 0 || (best_ && *best_->relative_gap <= tolerance_);
}

SingularFactors LimitSolver::factors() {
    if (proxy_norm_ == 0 || !best_) return {};
    const std::int64_t rows = merged_.labels.contexts(), vocab = merged_.labels.vocab_size;
    const Matrix point = best_point_.matrix(Real::fp64, rows, vocab);
    subtract_means(point);
    SingularFactors result = splitting_.spectrum().decompose(point, splitting_.reflected());
    // A certificate on the way is made in the basis at hand, and before the means are subtracted.
    best_->nuclear_norm = std::min(best_->nuclear_norm, result.norm.bound);
    best_->rank = result.norm.rank;
    best_->relative_gap = (best_->nuclear_norm - *best_->bound) / best_->nuclear_norm;
    result.contexts = spread_over_members(merged_, result.contexts, result.rank());
    return result;
}

// Every row's mean, which is as feasible and never longer: steps in fp32 leave one at their rounding.
void LimitSolver::subtract_means(Matrix point) {
    const Array ones =
        upload_array(backend_, std::vector<double>(static_cast<std::size_t>(point.columns), 1.0));
    const Array sums(backend_, point.rows * 8);
    const Matrix column = sums.matrix(Real::fp64, point.rows, 1),
                 row = ones.matrix(Real::fp64, 1, point.columns);
    backend_.multiply(b_transposed, 1, point, row, 0, column);
    backend_.multiply(plain, -1 / static_cast<double>(point.columns), column, row, 1, point);
}

std::vector<double> LimitSolver::state() const {
    const Matrix y = splitting_.state();
    return download_array<double>(backend_, y.data, y.rows * y.columns);
}

void LimitSolver::restore(std::int64_t iterations, const std::vector<double>& state) {
    const Matrix y = splitting_.state();
    if (static_cast<std::int64_t>(state.size()) != y.rows * y.columns)
        throw InputError(
            fmt::format("the saved state has {} numbers, not {}", state.size(), y.rows * y.columns));
    backend_.upload(state.data(), y.data, y.rows * y.columns * 8);
    iterations_ = iterations;
    schedule_ = CertificateSchedule(tolerance_);
    splitting_.restart();
}

}  // namespace ntpgeo
