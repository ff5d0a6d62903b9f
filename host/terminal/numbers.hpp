// Numbers, counts and times as people read them, the way a paper sets them.
#pragma once

#include <cstdint>
#include <string>

namespace ntpgeo {

/// `value` to `digits` significant digits as markup: 0.0125, 12.5, 3.2×10^{−7}; a dash where it is NaN.
std::string number_markup(double value, int digits);

/// `value` with exactly `decimals` decimals and a true minus sign.
std::string fixed_text(double value, int decimals);

/// An integer with thin spaces between groups of three from 10 000 on.
std::string count_text(std::int64_t value);

/// A time in words of at most two units: 0.42 s, 41 s, 3 min 12 s, 2 h 05 min.
std::string duration_text(double seconds);

/// "1 file", "3 files".
std::string plural(std::int64_t count, const char* noun);

/// part of whole, in percent.
double percent(std::int64_t part, std::int64_t whole);

/// Bounds on their way to a decimal of few digits are rounded away from what they bound, so that what is
/// printed is still a bound: the largest decimal of `digits` (1 to 15) significant digits that is not above
/// x, and the smallest that is not below: as the double next to it, which prints as that decimal. 0 and what
/// is not finite stay as they are.
double rounded_down(double x, int digits);
double rounded_up(double x, int digits);

}  // namespace ntpgeo
