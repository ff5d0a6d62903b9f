// One inequality, slack ≥ 0 with multiplier ≥ 0, smoothed to slack·multiplier = ν (design (4.2-7)), for both
// backends: a constexpr template, which is what makes it callable from CUDA kernels without a word of CUDA.
#pragma once

#include <cmath>

namespace ntpgeo::smoothing {

/// Newton's method for a row's level ends after so many passes; it takes about five.
inline constexpr int most_passes = 60;
/// It has met rounding where a step is no longer than this times |a| or μ.
inline constexpr double level_rounding = 1e-13;

/// slack − u = w and slack·u = τν; u is τ times the multiplier, and root = slack + u.
template <class Number>
struct Slack {
    Number slack, u, root;
};

/// Of w and the product τν > 0, without cancellation.
template <class Number>
constexpr Slack<Number> slack_of(Number w, Number product) {
    const Number size = w > 0 ? w : -w, root = std::sqrt(w * w + 4 * product);
    const Number larger = (root + size) / 2, smaller = product / larger;
    return w > 0 ? Slack<Number>{larger, smaller, root} : Slack<Number>{smaller, larger, root};
}

/// Whether a step of Newton's method for the level was its last. Beyond the first it climbs, so that one
/// that does not is rounding.
template <class Number>
constexpr bool is_last_step(Number step, Number level, Number margin, int pass) {
    const Number size = step > 0 ? step : -step, scale = level > 0 ? level : -level;
    return size <= level_rounding * (scale > margin ? scale : margin) || (pass > 0 && step <= 0);
}

}  // namespace ntpgeo::smoothing
