// Bounds on their way to a decimal of few digits: rounded away from what they bound, so that what is printed
// is still a bound.
#pragma once

namespace ntpgeo {

/// The largest decimal of `digits` (1 to 15) significant digits that is not above x, and the smallest that is
/// not below: as the double next to it, which prints as that decimal. 0 and what is not finite stay as they
/// are.
double rounded_down(double x, int digits);
double rounded_up(double x, int digits);

}  // namespace ntpgeo
