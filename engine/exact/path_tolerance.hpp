// The least tolerance that fp64 can certify along a path (design (4.3-5)).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/exact/path.hpp"

namespace ntpgeo {

/// A tolerance above any that rounding could stand in the way of, for `rows` groups of contexts: who asks for
/// no less needs no survey. An a priori bound on the rounding of the nuclear norm, which is the largest of
/// what a certificate grants (design 4.3).
double surely_certified_tolerance(std::int64_t rows, std::int64_t vocab);

/// Walks a grid roughly: at each λ to a gap of 1e-3, and on until what rounding takes is known to a few
/// percent. `backend` and `dataset` must outlive it.
class ToleranceSurvey {
  public:
    /// Throws InputError where PathSolver does.
    ToleranceSurvey(Backend& backend, const Dataset& dataset, std::vector<double> lambdas,
                    const TeamSums* sums = nullptr);

    [[nodiscard]] bool finished() const { return solver_.finished(); }
    /// An iteration or a few. Throws Failure where it is not finite.
    void advance();

    /// The least tolerance that can be certified at every λ so far; 0 where every optimum is 0.
    [[nodiscard]] double least() const;
    /// Throws InputError, which names the least, where `tolerance` is below it.
    void require(double tolerance) const;

  private:
    PathSolver solver_;
    double rounding_ = 0;  // the largest so far
};

}  // namespace ntpgeo
