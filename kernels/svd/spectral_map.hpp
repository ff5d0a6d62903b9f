// What the exact solvers make of singular values, for both backends: constexpr templates, which is what makes
// them callable from CUDA kernels without a word of CUDA.
#pragma once

#include <cmath>

namespace ntpgeo {

/// A singular value σ becomes σ·f(σ).
struct SpectralMap {
    enum class Kind {
        keep,          ///< f = 1
        shrink,        ///< f = (σ − τ)/σ where σ > τ, else 0
        clip,          ///< f = 1/σ where σ > 1, else 1
        smooth_shrink  ///< f = 1 − τ/δ (design (4.2-9))
    };
    Kind kind = Kind::keep;
    double tau = 0, nu = 0;
};

namespace spectral {

/// Next to the largest singular value: below it the slope of smooth_shrink is that of a σ this large.
inline constexpr double close_absolutely = 1e-9;
/// Singular values this close, relatively and next to the largest, share the derivative.
inline constexpr double close_relatively = 1e-6;

/// σ of an eigenvalue of a Gram matrix, which rounding may leave below 0.
template <class Number>
constexpr Number sigma(Number square) {
    return std::sqrt(square < 0 ? Number{0} : square);
}

/// f of smooth_shrink, and its slope df/d(σ²).
template <class Number>
struct Smooth {
    Number factor, slope;
};

template <class Number>
constexpr Smooth<Number> smooth(const SpectralMap& map, Number s, Number largest) {
    const Number tau = map.tau, product = 4 * tau * map.nu;
    const Number up = std::sqrt((s + tau) * (s + tau) + product),
                 down = std::sqrt((s - tau) * (s - tau) + product), delta = (up + down) / 2;
    const Number along = ((s + tau) / up + (s - tau) / down) / 2;  // dδ/ds
    const Number least = close_absolutely * largest;
    return {1 - tau / delta, tau / (delta * delta) * along / (2 * (s < least ? least : s))};
}

/// f at σ² = `square`.
template <class Number>
constexpr Number factor(const SpectralMap& map, Number square) {
    const Number s = sigma(square);
    switch (map.kind) {
        case SpectralMap::Kind::keep:
            break;
        case SpectralMap::Kind::shrink:
            return s > map.tau ? (s - map.tau) / s : Number{0};
        case SpectralMap::Kind::clip:
            return square > 1 ? 1 / s : Number{1};
        case SpectralMap::Kind::smooth_shrink:
            return smooth(map, s, s).factor;
    }
    return Number{1};
}

/// (f(σ_i) − f(σ_k))/(σ_i² − σ_k²), and where the two are close the mean of their slopes.
template <class Number>
constexpr Number divided_difference(const SpectralMap& map, Number square, Number other_square,
                                    Number largest) {
    const Number one = sigma(square), other = sigma(other_square);
    const Smooth<Number> at_one = smooth(map, one, largest), at_other = smooth(map, other, largest);
    const Number far = one < other ? other - one : one - other;
    if (far <= close_relatively * (one + other) + close_absolutely * largest)
        return (at_one.slope + at_other.slope) / 2;
    return (at_one.factor - at_other.factor) / ((one - other) * (one + other));
}

}  // namespace spectral

}  // namespace ntpgeo
