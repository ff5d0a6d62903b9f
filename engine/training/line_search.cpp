#include "engine/training/line_search.hpp"

#include <algorithm>
#include <cmath>

namespace ntpgeo {
namespace {

constexpr double sufficient_decrease = 1e-4;
constexpr double curvature = 0.9;
constexpr int most_evaluations = 30;

/// The minimiser of the cubic through two points with slopes, kept a tenth of the interval away from its
/// ends.
double interpolate(const LinePoint& a, const LinePoint& b) {
    const double low = std::min(a.step, b.step), high = std::max(a.step, b.step);
    const double margin = 0.1 * (high - low);
    const double middle = 0.5 * (low + high);
    if (!std::isfinite(a.value) || !std::isfinite(b.value) || !std::isfinite(a.slope) ||
        !std::isfinite(b.slope))
        return low + margin;
    const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
    const double discriminant = d1 * d1 - a.slope * b.slope;
    if (!(discriminant >= 0)) return middle;
    const double d2 = std::copysign(std::sqrt(discriminant), b.step - a.step);
    const double step = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
    if (!std::isfinite(step)) return middle;
    return std::clamp(step, low + margin, high - margin);
}

class Search {
  public:
    Search(const LinePoint& start, const std::function<LinePoint(double)>& evaluate)
        : start_(start), evaluate_(evaluate), best_{start, false} {}

    LineSearchResult run(double first_step) {
        LinePoint previous = start_;
        double step = first_step;
        while (evaluations_ < most_evaluations) {
            const LinePoint trial = try_step(step);
            if (!decreases(trial) || (previous.step > 0 && trial.value >= previous.value))
                return zoom(previous, trial);
            if (flat(trial)) return {trial, true};
            if (trial.slope >= 0) return zoom(trial, previous);
            previous = trial;
            step *= 2;
        }
        return best_;
    }

  private:
    LinePoint try_step(double step) {
        ++evaluations_;
        const LinePoint trial = evaluate_(step);
        if (decreases(trial) && (!best_.found || trial.value < best_.point.value)) best_ = {trial, true};
        return trial;
    }
    [[nodiscard]] bool decreases(const LinePoint& p) const {
        // Strictly lower as well, for steps so short that the sum rounds to its first term. False for NaN.
        return p.value < start_.value &&
               p.value <= start_.value + sufficient_decrease * p.step * start_.slope;
    }
    [[nodiscard]] bool flat(const LinePoint& p) const {
        return std::abs(p.slope) <= -curvature * start_.slope;
    }

    // `low` is the better end and its slope points to `high`.
    LineSearchResult zoom(LinePoint low, LinePoint high) {
        while (evaluations_ < most_evaluations) {
            const LinePoint trial = try_step(interpolate(low, high));
            if (!decreases(trial) || trial.value >= low.value) {
                high = trial;
            } else {
                if (flat(trial)) return {trial, true};
                if (trial.slope * (high.step - low.step) >= 0) high = low;
                low = trial;
            }
            if (std::abs(high.step - low.step) <= 1e-15 * std::max(high.step, low.step)) break;
        }
        return best_;
    }

    LinePoint start_;
    const std::function<LinePoint(double)>& evaluate_;
    LineSearchResult best_;
    int evaluations_ = 0;
};

}  // namespace

LineSearchResult strong_wolfe_search(const LinePoint& start, double first_step,
                                     const std::function<LinePoint(double)>& evaluate) {
    return Search(start, evaluate).run(first_step);
}

}  // namespace ntpgeo
