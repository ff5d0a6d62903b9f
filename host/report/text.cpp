#include "host/report/text.hpp"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cmath>
#include <vector>

namespace ntpgeo {
namespace {

/// The next code point of `text`, or a negative value where the bytes at `position` are not UTF-8.
UChar32 next_code_point(std::string_view text, std::size_t& position) {
    UChar32 code_point = 0;
    U8_NEXT(text.data(), position, text.size(), code_point);
    return code_point;
}

bool is_invisible(UChar32 code_point) {
    const int type = u_charType(code_point);
    return type == U_CONTROL_CHAR || type == U_FORMAT_CHAR || type == U_LINE_SEPARATOR ||
           type == U_PARAGRAPH_SEPARATOR || U_IS_UNICODE_NONCHAR(code_point);
}

/// Walks `markup`, giving runs of plain text and whether they stand above (+1), below (−1) or on the line
/// (0).
template <class Visit>
void visit_markup(std::string_view markup, Visit visit) {
    std::size_t begin = 0;
    while (begin < markup.size()) {
        std::size_t open = begin;
        while (open < markup.size() &&
               !((markup[open] == '_' || markup[open] == '^') && markup.substr(open + 1, 1) == "{")) {
            ++open;
        }
        if (open > begin) visit(markup.substr(begin, open - begin), 0);
        if (open >= markup.size()) return;
        std::size_t close = markup.find('}', open);
        if (close == std::string_view::npos) close = markup.size();
        visit(markup.substr(open + 2, close - open - 2), markup[open] == '^' ? 1 : -1);
        begin = std::min(close + 1, markup.size());
    }
}

double character_width(UChar32 code_point) {
    if (u_charType(code_point) == U_NON_SPACING_MARK) return 0.0;
    if (code_point < 0x80) {
        const auto character = static_cast<char>(code_point);
        if (std::string_view("ijl.,:;'|! ()[]-tfr").find(character) != std::string_view::npos) return 0.39;
        if (std::string_view("mwMW@%").find(character) != std::string_view::npos) return 0.95;
        return character >= 'A' && character <= 'Z' ? 0.68 : 0.62;
    }
    const int width = u_getIntPropertyValue(code_point, UCHAR_EAST_ASIAN_WIDTH);
    return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 1.05 : 0.68;
}

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

std::string escape_text(std::string_view untrusted) {
    std::string escaped;
    for (std::size_t position = 0; position < untrusted.size();) {
        const std::size_t begin = position;
        const UChar32 code_point = next_code_point(untrusted, position);
        if (code_point < 0) {
            escaped += "\uFFFD";
        } else if (code_point == '&') {
            escaped += "&amp;";
        } else if (code_point == '<') {
            escaped += "&lt;";
        } else if (code_point == '>') {
            escaped += "&gt;";
        } else if (code_point == '"') {
            escaped += "&quot;";
        } else if (code_point == '\'') {
            escaped += "&#39;";
        } else if (is_invisible(code_point)) {
            escaped += fmt::format("\\u{{{:x}}}", code_point);
        } else {
            escaped += untrusted.substr(begin, position - begin);
        }
    }
    return escaped;
}

std::string isolated_name(std::string_view name) {
    return "<bdi>" + escape_text(name) + "</bdi>";
}

std::string html_markup(std::string_view markup) {
    std::string html;
    visit_markup(markup, [&](std::string_view text, int level) {
        const std::string escaped = escape_text(text);
        if (level > 0) {
            html += "<sup>" + escaped + "</sup>";
        } else if (level < 0) {
            html += "<sub>" + escaped + "</sub>";
        } else {
            html += escaped;
        }
    });
    return html;
}

std::string svg_markup(std::string_view markup, double font_size) {
    const double up = std::round(3.8 * font_size) / 10.0;
    const double down = std::round(2.2 * font_size) / 10.0;
    std::string svg;
    double shift = 0.0;
    visit_markup(markup, [&](std::string_view text, int level) {
        const double wanted = level > 0 ? -up : level < 0 ? down : 0.0;
        const std::string escaped = escape_text(text);
        if (wanted == shift) {
            svg += escaped;
        } else {
            svg += fmt::format("<tspan dy=\"{:.1f}\"{}>{}</tspan>", wanted - shift,
                               level == 0 ? "" : fmt::format(" font-size=\"{:.1f}\"", 0.76 * font_size),
                               escaped);
        }
        shift = wanted;
    });
    return svg;
}

std::string plain_markup(std::string_view markup) {
    std::string plain;
    visit_markup(markup, [&](std::string_view text, int level) {
        plain += level > 0 ? "^" : level < 0 ? "_" : "";
        plain += escape_text(text);
    });
    return plain;
}

double text_width(std::string_view text, double font_size) {
    double width = 0.0;
    visit_markup(text, [&](std::string_view part, int level) {
        for (std::size_t position = 0; position < part.size();) {
            const UChar32 code_point = next_code_point(part, position);
            // What escape_text spells out, \u{202e} say, is as wide as its spelling.
            const double characters = code_point >= 0 && is_invisible(code_point)
                                          ? 5.0
                                          : character_width(std::max(code_point, 0x20));
            width += characters * (level == 0 ? 1.0 : 0.76);
        }
    });
    return width * font_size;
}

std::string shorten(std::string_view text, double max_width, double font_size) {
    if (text_width(text, font_size) <= max_width) return std::string(text);
    std::vector<std::string_view> characters;
    for (std::size_t position = 0; position < text.size();) {
        const std::size_t begin = position;
        next_code_point(text, position);
        characters.push_back(text.substr(begin, position - begin));
    }
    std::size_t head = 0, tail = characters.size();
    double left = max_width - font_size;  // the ellipsis
    while (head < tail) {
        const bool take_head = head <= characters.size() - tail;
        const std::string_view next = take_head ? characters[head] : characters[tail - 1];
        left -= text_width(next, font_size);
        if (left < 0.0) break;
        take_head ? ++head : --tail;
    }
    std::string shortened;
    for (std::size_t i = 0; i < head; ++i) shortened += characters[i];
    shortened += "…";
    for (std::size_t i = tail; i < characters.size(); ++i) shortened += characters[i];
    return shortened;
}

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

}  // namespace ntpgeo
