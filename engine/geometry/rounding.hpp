// Which parts of W and H, and of their logits, are 0 but for rounding, and norms whose squares are beyond the
// range of fp64. A ratio, a cosine or a rank of a part that is rounding does not exist; one of a part that is
// only small does, and is right.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// numerator/denominator; none where the denominator is within `rounding`, what rounding may make of a 0.
std::optional<double> ratio(double numerator, double denominator, double rounding = 0);

/// What rounding makes of a part of the logits WHᵀ that is 0, such as P_F of equal logits, at most: its
/// Frobenius norm as a share of ‖W‖_F‖H‖_F. A logit is a sum of d products, whose rounding comes to about
/// √d·2⁻⁵³ of |w||h| where it is made in fp64; in less, the products' own rounding adds u/√d and the sum's
/// 2⁻²⁴. Four times that. (Measured, in fp64: 1e-17 to 2e-16 for V and m up to thousands.)
double logit_rounding(Precision products, std::int64_t dim);

/// The power of 2 that takes a norm to between 1 and 2 where its fourth power, which norms of Gram matrices
/// need, comes near the ends of fp64's range; else 1.
double into_range(double norm);

/// A norm of what square() sums the squares of and scale(a) multiplies by a, also where its squares
/// underflow: by summing again what is scaled up, which is as it was when this returns.
template <class Square, class Scale>
double norm_of_square(double first, const Square& square, const Scale& scale) {
    constexpr double smallest_square = 1e-280, up = 0x1p+500;
    if (first >= smallest_square) return std::sqrt(first);
    scale(up);
    const double scaled = std::sqrt(square()) / up;
    scale(1 / up);
    return scaled;
}

/// ‖x‖ of fp64 entries, also where their squares underflow. x is as it was when it returns.
double norm(Backend& backend, Vector x);
/// The same where ‖x‖² has been summed already.
double norm(Backend& backend, double square, Vector x);

}  // namespace ntpgeo
