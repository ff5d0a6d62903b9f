#include "host/files/outward.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/settings/parse_number.hpp"

namespace ntpgeo {
namespace {

double parsed(const std::string& decimal, double otherwise) {
    parse_number(decimal, otherwise);  // beyond the range of doubles it stays what it was
    return otherwise;
}

}  // namespace

double rounded_down(double x, int digits) {
    if (x == 0 || !std::isfinite(x)) return x;
    const std::string nearest = fmt::format("{:.{}e}", x, digits - 1);
    const double value = parsed(nearest, x);
    if (value <= x) return value;
    // One unit of the last digit less: d.ddd × 10^e as an integer × 10^(e − digits + 1), with one digit more
    // where x lies below the power of ten that it was rounded to.
    const std::size_t e = nearest.find('e');
    std::string mantissa = nearest.substr(0, e);
    std::erase(mantissa, '.');
    std::int64_t units = 0;
    int exponent = 0;
    const std::size_t sign = nearest[e + 1] == '+' ? 1 : 0;  // from_chars takes no plus
    parse_number(std::string_view(mantissa), units);
    parse_number(std::string_view(nearest).substr(e + 1 + sign), exponent);
    const bool power = mantissa.find_first_not_of('0', 1) == std::string::npos && mantissa[0] == '1';
    return power ? parsed(fmt::format("{}e{}", units * 10 - 1, exponent - digits), x)
                 : parsed(fmt::format("{}e{}", units - 1, exponent - digits + 1), x);
}

double rounded_up(double x, int digits) {
    return -rounded_down(-x, digits);
}

}  // namespace ntpgeo
