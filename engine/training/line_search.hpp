// A line search for the strong Wolfe conditions.
#pragma once

#include <functional>

namespace ntpgeo {

/// φ(α) = f(x + αp) and its slope φ′(α).
struct LinePoint {
    double step = 0;
    double value = 0;
    double slope = 0;
};

struct LineSearchResult {
    LinePoint point;
    bool found = false;  ///< false: no trial lowered φ by the sufficient amount; point is then the start
};

/// Finds α with φ(α) ≤ φ(0) + 1e-4·α·φ′(0) and |φ′(α)| ≤ 0.9·|φ′(0)| by bracketing and zooming with
/// safeguarded cubic interpolation (Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6), in
/// at most 30 evaluations; where these run out, the best trial that met the first condition. `evaluate` gives
/// φ at a step; a value that is not finite counts as too long a step. `start` is φ at 0 with a negative
/// slope.
LineSearchResult strong_wolfe_search(const LinePoint& start, double first_step,
                                     const std::function<LinePoint(double)>& evaluate);

}  // namespace ntpgeo
