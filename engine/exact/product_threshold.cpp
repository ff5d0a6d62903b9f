#include "engine/exact/product_threshold.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ntpgeo {
namespace {

// √3 would be the best at first, but takes 1 to 0, and what rounding makes of 1 below it.
constexpr double largest_scale = 1.7;
// How many times the last ‖A‖_F² the next may be: a step and a half more.
constexpr double growth = 4;
// What residuals may be beyond n·u: they were 0.01 to 0.5 of it.
constexpr double residual_allowance = 8;

double unit_roundoff(Real real) {
    return real == Real::fp64 ? 0x1p-53 : 0x1p-24;
}

double scaled_step(double scale, double x) {
    return scale * x * (3 - scale * scale * x * x) / 2;
}

/// t = ζ(3I − ζ²·op(a)·b)/2.
void step_factor(Backend& backend, double scale, const Product& product, Matrix a, Matrix b, Matrix t) {
    backend.fill_identity(t);
    backend.multiply(product, -scale * scale * scale / 2, a, b, 1.5 * scale, t);
}

}  // namespace

std::vector<double> newton_schulz_scales(double least, Real real) {
    std::vector<double> scales;
    while (1 - least > 4 * unit_roundoff(real)) {
        const double scale = std::min(std::sqrt(3 / (1 + least + least * least)), largest_scale);
        scales.push_back(scale);
        least = std::min(scaled_step(scale, least), scaled_step(scale, 1));
    }
    return scales;
}

ProductThreshold::ProductThreshold(const SolverRows& rows)
    : rows_(rows), backend_(rows.backend()), checks_(rows.backend(), std::int64_t{3} * 8) {}

std::optional<ProductPlan> ProductThreshold::plan(double tau, Real real) const {
    const double roundoff = unit_roundoff(real), bound = growth * square_;
    const double share = tau / std::sqrt(std::max(bound, tau * tau));
    // Beyond, a Gram matrix has lost τ² next to its largest eigenvalue.
    if (!reliable_ || !(bound > 0) || !std::isfinite(bound) || !(share * share >= roundoff))
        return std::nullopt;
    return ProductPlan{bound, newton_schulz_scales(2 * roundoff, real), newton_schulz_scales(share, real)};
}

bool ProductThreshold::apply(const ProductPlan& plan, const std::array<Matrix, 4>& squares,
                             const SharedMatrix& a, double tau, Matrix x) {
    auto [c, s, other, t] = squares;
    const double tau_square = tau * tau, top = std::max(plan.bound, tau_square),
                 unit = std::max(plan.bound - tau_square, tau_square);
    // C = (G − τ²I)/unit, and its sign S: as in the polar iteration, so that what rounding leaves S short of
    // symmetric does not grow.
    rows_.gram(a, c);
    backend_.scale(1 / unit, c.flat());
    backend_.fill_identity(t);
    backend_.axpy(-tau_square / unit, t.flat(), c.flat());
    Matrix from = c;
    for (const double scale : plan.sign_scales) {
        step_factor(backend_, scale, a_transposed, from, from, t);
        backend_.multiply(plain, 1, from, t, 0, s);
        from = s;
        std::swap(s, other);
    }
    std::swap(s, other);
    // |C| in t, and S|C| − C, which is 0 where S has arrived.
    backend_.multiply(a_transposed, 1, s, c, 0, t);
    backend_.copy(c.flat(), other.flat());
    backend_.multiply(plain, 1, s, t, -1, other);
    auto* const checks = checks_.as<double>();
    backend_.dot_into(other.flat(), other.flat(), checks + 1);
    // M = max(G, τ²I)/top, in c.
    backend_.axpy(1, t.flat(), c.flat());
    backend_.scale(unit / (2 * top), c.flat());
    backend_.fill_identity(t);
    backend_.axpy(tau_square / top, t.flat(), c.flat());
    // y to M^{1/2} and z to M^{-1/2}.
    Matrix y = c, z = s;
    backend_.fill_identity(z);
    for (const double scale : plan.root_scales) {
        step_factor(backend_, scale, plain, z, y, t);
        backend_.multiply(plain, 1, y, t, 0, other);
        std::swap(y, other);
        backend_.multiply(plain, 1, t, z, 0, other);
        std::swap(z, other);
    }
    if (plan.root_scales.empty()) {
        backend_.fill_zero(Vector{checks + 2, Real::fp64, 1});
    } else {
        backend_.fill_identity(t);
        backend_.multiply(plain, 1, z, y, -1, t);
        backend_.dot_into(t.flat(), t.flat(), checks + 2);
    }
    // f = I − τ·z/√top.
    backend_.fill_identity(t);
    backend_.axpy(-tau / std::sqrt(top), z.flat(), t.flat());
    rows_.multiply(1, a, t, 0, x);
    if (!rows_.has_shards()) backend_.dot_into(a.own.flat(), a.own.flat(), checks);

    std::vector<double> found = download_array<double>(backend_, checks, 3);
    if (rows_.has_shards()) found[0] = rows_.dot(a.own.flat(), a.own.flat());
    const double rounding = residual_allowance * static_cast<double>(c.rows) * unit_roundoff(a.own.real);
    const bool expected = found[0] <= plan.bound;
    const bool arrived =
        std::sqrt(found[1]) <= rounding && std::sqrt(found[2]) <= rounding * std::sqrt(top) / tau;
    if (std::isfinite(found[0])) square_ = found[0];
    if (expected && !arrived) reliable_ = false;
    return expected && arrived;
}

}  // namespace ntpgeo
