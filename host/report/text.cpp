#include "host/report/text.hpp"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "host/files/characters.hpp"
#include "host/files/file_error.hpp"

namespace ntpgeo {
namespace {

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

}  // namespace

std::string escape_text(std::string_view untrusted) {
    std::string escaped;
    for (std::size_t position = 0; position < untrusted.size();) {
        const auto [code_point, bytes] = next_piece(untrusted, position);
        if (code_point < 0) {
            escaped += spelled(bytes);
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
            escaped += bytes;
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
            const UChar32 code_point = next_piece(part, position).character;
            // What escape_text spells out, \u{202e} say, is as wide as its spelling.
            const double characters = code_point < 0             ? 2.5
                                      : is_invisible(code_point) ? 5.0
                                                                 : character_width(code_point);
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
        next_piece(text, position);
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

std::string text_of_html(std::string_view html) {
    static constexpr std::pair<std::string_view, std::string_view> kShown[] = {
        {"<sub>", "_"}, {"<sup>", "^"},   {"&amp;", "&"}, {"&lt;", "<"},
        {"&gt;", ">"},  {"&quot;", "\""}, {"&#39;", "'"}};
    std::string text;
    while (!html.empty()) {
        const auto* const known = std::find_if(std::begin(kShown), std::end(kShown), [&](const auto& entry) {
            return html.starts_with(entry.first);
        });
        std::size_t taken = 1;
        if (known != std::end(kShown)) {
            text += known->second;
            taken = known->first.size();
        } else if (html.front() == '<') {
            taken = std::min(html.find('>'), html.size() - 1) + 1;
        } else {
            text += html.front();
        }
        html.remove_prefix(taken);
    }
    return text;
}

std::vector<std::string> wrapped(std::string_view text, double max_width, double font_size) {
    std::vector<std::string> lines(1);
    double width = 0.0;
    std::size_t space = std::string::npos;  // the last one in the line
    for (std::size_t position = 0; position < text.size();) {
        const std::size_t begin = position;
        next_piece(text, position);
        const std::string_view character = text.substr(begin, position - begin);
        width += text_width(character, font_size);
        if (width > max_width && !lines.back().empty() && character != " ") {
            std::string rest;
            if (space != std::string::npos) {
                rest = lines.back().substr(space + 1);
                lines.back().resize(space);
            }
            lines.push_back(rest);
            space = std::string::npos;
            width = text_width(rest, font_size) + text_width(character, font_size);
        }
        if (character == " ") space = lines.back().size();
        lines.back() += character;
    }
    return lines;
}

}  // namespace ntpgeo
