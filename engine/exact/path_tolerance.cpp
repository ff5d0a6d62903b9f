#include "engine/exact/path_tolerance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/exact/settings.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr double unit_roundoff = 0x1p-53;
constexpr double survey_tolerance = 1e-3;
// From there on until ten iterations change the rounding by no more than a twentieth.
constexpr int between_looks = 10;
constexpr double settled_share = 0.05;
constexpr std::int64_t most_iterations = 2000;
// Over what a rough point's certificate grants to rounding: its spectrum is not yet the optimum's, and the
// iteration's own rounding has a share of its own.
constexpr double allowance = 1.25;
constexpr double iteration_rounding = 64 * unit_roundoff;

}  // namespace

// At the optimum the thresholded A is Z + τUVᵀ, with τ about ‖Z‖_F/(c√n) (design (4.3-2)), so ‖A‖_F ≤
// (1 + 1/c)‖Z‖_F; in nuclear_norm_rounding() Σ 1/σ ≤ n/τ, and ‖Z‖_* ≥ ‖Z‖_F: u·c(1 + 1/c)²·n√n·(8n + k) of
// the nuclear norm, where c(1 + 1/c)² < 6. Twice that, since τ is chosen before Z is known; and what the rest
// has in the smallest problems.
double surely_certified_tolerance(std::int64_t rows, std::int64_t vocab) {
    const auto shorter = static_cast<double>(std::min(rows, vocab)),
               longer = static_cast<double>(std::max(rows, vocab));
    return 12 * unit_roundoff * (shorter * std::sqrt(shorter) * (8 * shorter + longer + 2) + 100);
}

ToleranceSurvey::ToleranceSurvey(Backend& backend, const Dataset& dataset, std::vector<double> lambdas,
                                 const TeamSums* sums)
    : solver_(backend, dataset, std::move(lambdas), survey_tolerance, ThresholdBy::prediction, sums) {}

void ToleranceSurvey::advance() {
    if (!solver_.advance()) return;
    double rounding = solver_.last()->rounding;
    for (bool settled = false; !settled;) {
        for (int k = 1; k < between_looks; ++k) solver_.step();
        const double next = solver_.step_and_certify().rounding;
        settled =
            std::abs(next - rounding) <= settled_share * next || solver_.iterations() >= most_iterations;
        rounding = next;
    }
    rounding_ = std::max(rounding_, rounding);
    solver_.next_point();
}

double ToleranceSurvey::least() const {
    return rounding_ > 0 ? allowance * rounding_ + iteration_rounding : 0;
}

void ToleranceSurvey::require(double tolerance) const {
    if (tolerance < least())
        throw InputError(fmt::format(
            "a tolerance of {} cannot be certified in fp64 for this data set and these lambdas; the "
            "least that can is {}",
            tolerance, least_tolerance_text(least())));
}

}  // namespace ntpgeo
