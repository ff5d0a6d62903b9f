#include "engine/exact/newton.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t most_vectors = 200;    // of a Krylov basis
constexpr std::int64_t needed_vectors = 100;  // with fewer, splitting goes on
constexpr std::int64_t basis_bytes = std::int64_t{1} << 30;
constexpr double wanted_of_directions = 0.1;  // their residual, relatively
constexpr int most_halvings = 8;
constexpr double fall_of_nu = 0.2;
constexpr double share_of_tolerance = 0.6;  // what the last ν costs
// A problem is solved where ‖F‖ has fallen to this of its first value, or to that of it by one full step.
constexpr double solved_in_all = 1e-2, solved_at_once = 0.2;
// c of ρ. Where it is larger, ρ‖F‖ is what keeps ‖M‖₂ above 1 and F must be solved to more digits than fp32
// directions have: at 10 a ring took 1640 products, two thirds of them in five full bases, at 4 it takes
// 1000.
constexpr double least_c = 0.25, largest_c = 4, largest_change = 4;

std::int64_t vectors_of(std::int64_t rows, std::int64_t vocab) {
    return std::min(most_vectors, basis_bytes / (4 * rows * vocab));
}

}  // namespace

SmoothedNewton::SmoothedNewton(const SolverRows& rows, const LabelsView& labels, const double* margins,
                               Splitting& splitting, double unit, double tolerance, double norm)
    : rows_(rows),
      backend_(rows.backend()),
      splitting_(splitting),
      residual_(rows, rows.own_labels(labels), margins, splitting),
      gmres_(rows, vectors_of(rows.rows(), rows.vocab())),
      direction_(backend_, rows.size() * 8),
      before_(backend_, rows.size() * 8),
      point_(backend_, rows.size() * 8),
      dual_(backend_, rows.size() * 8),
      size_(rows.size()),
      unit_(unit) {
    // One inequality an entry off the support, two a singular value.
    const std::int64_t pairs = rows.rows() * rows.vocab() - labels.nnz + 2 * rows.shorter();
    nu_per_gap_ = norm / static_cast<double>(pairs);
    last_nu_ = share_of_tolerance * tolerance * nu_per_gap_;
}

bool SmoothedNewton::fits(std::int64_t rows, std::int64_t vocab) {
    return vectors_of(rows, vocab) >= needed_vectors;
}

std::int64_t SmoothedNewton::bytes(std::int64_t rows, std::int64_t vocab) {
    return SmoothedResidual::bytes(rows, vocab) + Gmres::bytes(rows * vocab, vectors_of(rows, vocab)) +
           4 * rows * vocab * 8;
}

void SmoothedNewton::start(double rho, double gap) {
    start(State{rho, std::max(gap * nu_per_gap_, last_nu_), false});
}

void SmoothedNewton::start(const State& state) {
    state_ = state;
    nu_of_point_.reset();
    evaluated_ = at_rest_ = false;
}

// Y moves along the direction by the first of 1, ½, ¼ … that lowers ‖F‖, which is returned; where none does
// it stays.
std::optional<double> SmoothedNewton::descend() {
    const Vector y = splitting_.state().flat(), before = before_.vector(Real::fp64, size_);
    const double from = length_;
    backend_.copy(y, before);
    double t = 1;
    try {
        for (int halvings = 0; halvings < most_halvings; ++halvings, t /= 2) {
            backend_.copy(before, y);
            backend_.axpy(t, direction_.vector(Real::fp64, size_), y);
            evaluate();
            if (length_ < (1 - 0.1 * t) * from) return t;
        }
    } catch (const OutOfDeviceMemory&) {
        backend_.copy(before, y);
        throw;
    }
    backend_.copy(before, y);
    return std::nullopt;
}

bool SmoothedNewton::step() {
    if (!evaluated_) {
        evaluate();
        first_length_ = length_;
        evaluated_ = true;
    }
    if (length_ == 0) return true;
    const double from = length_;
    const Real made_in = products();
    residual_.linearise();
    const bool found =
        gmres_.solve([this](Vector v, Vector out) { residual_.product(v, out); }, made_in,
                     wanted_of_directions, residual_.residual(), direction_.vector(Real::fp64, size_));
    // From here on: fp32 has met its rounding.
    if (!found) state_.in_fp64 = true;
    if (const std::optional<double> t = descend())
        return state_.nu <= last_nu_ || length_ <= solved_in_all * first_length_ ||
               (*t == 1 && length_ <= solved_at_once * from);
    state_.in_fp64 = true;
    evaluate();
    if (made_in == Real::fp32) return false;
    at_rest_ = state_.nu <= last_nu_;
    return true;
}

void SmoothedNewton::next_problem() {
    if (state_.nu <= last_nu_) return;  // each further step on the last problem is tighter
    const double next = std::max(fall_of_nu * state_.nu, last_nu_);
    const Matrix z = splitting_.columns_point(), y = splitting_.state();
    // M = ρ(Z − Y), in the direction's memory.
    const Vector dual = direction_.vector(Real::fp64, size_), last_point = point_.vector(Real::fp64, size_),
                 last_dual = dual_.vector(Real::fp64, size_);
    backend_.copy(z.flat(), dual);
    backend_.axpy(-1, y.flat(), dual);
    backend_.scale(state_.rho, dual);
    if (nu_of_point_) {
        // The path goes on as it went, and ρ balances how fast Z and M move.
        const double ahead = (next - state_.nu) / (state_.nu - *nu_of_point_);
        backend_.axpy(-1, z.flat(), last_point);
        backend_.axpy(-1, dual, last_dual);
        const double point_change = std::sqrt(rows_.dot(last_point, last_point)),
                     dual_change = std::sqrt(rows_.dot(last_dual, last_dual));
        if (point_change > 0 && dual_change > 0)
            state_.rho = std::clamp(state_.rho * std::clamp(dual_change / (state_.rho * point_change),
                                                            1 / largest_change, largest_change),
                                    least_c * unit_, largest_c * unit_);
        // Y = Z − M/ρ, both extrapolated.
        backend_.copy(z.flat(), y.flat());
        backend_.axpy(-ahead, last_point, y.flat());
        backend_.axpy(-1 / state_.rho, dual, y.flat());
        backend_.axpy(ahead / state_.rho, last_dual, y.flat());
    }
    backend_.copy(z.flat(), last_point);
    backend_.copy(dual, last_dual);
    nu_of_point_ = state_.nu;
    state_.nu = next;
    evaluated_ = false;
}

}  // namespace ntpgeo
