// Text for the page and its pictures: what comes from outside is escaped here, what is ours may carry sub-
// and superscripts in a small markup (`P_{F}`, `10^{−3}`).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ntpgeo {

/// Untrusted bytes as XML and HTML text, safe in elements and in quoted attributes: the five special
/// characters become entities; controls, format characters (bidirectional overrides among them), line
/// separators and noncharacters become a visible `\u{…}`; bytes that are not UTF-8 become U+FFFD.
std::string escape_text(std::string_view untrusted);

/// A name from outside within a sentence of HTML: escaped, and a direction of writing of its own.
std::string isolated_name(std::string_view name);

/// Our own markup as HTML (`<sub>`, `<sup>`), with everything else escaped.
std::string html_markup(std::string_view markup);

/// Our own markup as the content of an SVG `<text>` of `font_size` user units; the shifts are absolute and
/// undone, since not every viewer knows baseline-shift.
std::string svg_markup(std::string_view markup, double font_size);

/// Our own markup without its braces, for places that hold plain text; escaped.
std::string plain_markup(std::string_view markup);

/// An estimate of the width of `text` (markup or plain, UTF-8), in the units of `font_size`, on the wide side
/// of common sans-serif fonts: nothing can be measured where the file is written.
double text_width(std::string_view text, double font_size);

/// `text` where its estimated width is at most `max_width`; else its beginning and end around an ellipsis.
std::string shorten(std::string_view text, double max_width, double font_size);

/// A sentence of our own HTML as the text that it shows, not escaped: without tags, `<sub>` and `<sup>` as _
/// and
/// ^, and the five entities of escape_text as their characters.
std::string text_of_html(std::string_view html);

/// `text` (plain, UTF-8) in lines of at most `max_width` by text_width, broken at spaces, and within a word
/// where it alone is wider. At least one line.
std::vector<std::string> wrapped(std::string_view text, double max_width, double font_size);

}  // namespace ntpgeo
