#include "host/terminal/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/settings/parse_number.hpp"

namespace ntpgeo {
namespace {

std::string without_trailing_zeros(std::string number) {
    if (number.find('.') == std::string::npos) return number;
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
    return number;
}

std::string with_true_minus(const std::string& number) {
    return number.starts_with('-') ? "−" + number.substr(1) : number;
}

}  // namespace

std::string number_markup(double value, int digits) {
    if (std::isnan(value)) return "–";
    if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
    if (value == 0.0) return "0";
    const std::string scientific = fmt::format("{:.{}e}", value, digits - 1);
    const std::size_t e = scientific.find('e');
    const int exponent = std::stoi(scientific.substr(e + 1));
    if (exponent >= -3 && exponent <= 4) {
        return with_true_minus(
            without_trailing_zeros(fmt::format("{:.{}f}", value, std::max(0, digits - 1 - exponent))));
    }
    const std::string mantissa = with_true_minus(without_trailing_zeros(scientific.substr(0, e)));
    std::string power = "10^{" + with_true_minus(std::to_string(exponent)) + "}";
    if (mantissa == "1") return power;
    return mantissa == "−1" ? "−" + power : mantissa + "×" + power;
}

std::string fixed_text(double value, int decimals) {
    const std::string text = fmt::format("{:.{}f}", value, decimals);
    // A negative value that rounds to zero is printed as zero.
    if (text.find_first_not_of("-0.") == std::string::npos) return fmt::format("{:.{}f}", 0.0, decimals);
    return with_true_minus(text);
}

std::string count_text(std::int64_t value) {
    std::string digits = std::to_string(value);
    if (value < 10'000) return digits;
    std::string grouped;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) grouped += "\u202F";
        grouped += digits[i];
    }
    return grouped;
}

std::string duration_text(double seconds) {
    if (std::isnan(seconds)) return "–";
    if (seconds < 9.995) return without_trailing_zeros(fmt::format("{:.2f}", std::max(seconds, 0.0))) + " s";
    if (seconds >= 1e15) return number_markup(seconds, 3) + " s";
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", count_text(whole / 3600), whole % 3600 / 60);
}

std::string plural(std::int64_t count, const char* noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double percent(std::int64_t part, std::int64_t whole) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

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
