#include "host/report/text.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

TEST(EscapeText, LeavesNothingThatMarkupCouldMistake) {
    EXPECT_EQ(escape_text("<script>alert(\"x\" & 'y')</script>"),
              "&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;");
}

TEST(EscapeText, KeepsWordsOfEveryLanguage) {
    EXPECT_EQ(escape_text("naïve 日本 עברית 🙂"), "naïve 日本 עברית 🙂");
}

TEST(EscapeText, ShowsWhatCouldHideOrReorderText) {
    EXPECT_EQ(escape_text("a\nb\x01"), "a\\u{a}b\\u{1}");
    EXPECT_EQ(escape_text("\u202Egnp.exe\u200B\u2028\uFEFF"), "\\u{202e}gnp.exe\\u{200b}\\u{2028}\\u{feff}");
    EXPECT_EQ(escape_text("\uFFFE"), "\\u{fffe}");  // not allowed in XML
}

TEST(EscapeText, ReplacesBytesThatAreNotUtf8) {
    EXPECT_EQ(escape_text("a\xff\xc3"), "a\\xff\\xc3");
    EXPECT_EQ(escape_text(std::string_view("a\0b", 3)), "a\\u{0}b");
}

TEST(Markup, SetsSubscriptsAndSuperscripts) {
    EXPECT_EQ(html_markup("P_{F}(L)^{1/2} < 1"), "P<sub>F</sub>(L)<sup>1/2</sup> &lt; 1");
    EXPECT_EQ(plain_markup("10^{−3}"), "10^−3");
    EXPECT_EQ(html_markup("_{"), "<sub></sub>");
}

TEST(Markup, ReturnsToTheBaselineInSvg) {
    EXPECT_EQ(svg_markup("10^{2}", 10), "10<tspan dy=\"-3.8\" font-size=\"7.6\">2</tspan>");
    EXPECT_EQ(svg_markup("a_{1}b", 10),
              "a<tspan dy=\"2.2\" font-size=\"7.6\">1</tspan><tspan dy=\"-2.2\">b</tspan>");
}

TEST(Shorten, KeepsBothEndsWithinTheWidth) {
    EXPECT_EQ(shorten("adam", 100, 12), "adam");
    const std::string cut = shorten("a-very-long-name-of-a-run-with-seed-17", 120, 12);
    EXPECT_LE(text_width(cut, 12), 120);
    EXPECT_TRUE(cut.starts_with("a-very")) << cut;
    EXPECT_TRUE(cut.ends_with("17")) << cut;
}

TEST(Shorten, NeverCutsACharacterInTwo) {
    const std::string cut = shorten("日本語日本語日本語日本語日本語", 60, 12);
    EXPECT_EQ(escape_text(cut), cut);
    EXPECT_NE(cut.find("…"), std::string::npos);
}

TEST(NumberMarkup, ChoosesTheShorterWayOfWriting) {
    EXPECT_EQ(number_markup(0.0, 4), "0");
    EXPECT_EQ(number_markup(0.0125, 4), "0.0125");
    EXPECT_EQ(number_markup(-12.5, 4), "−12.5");
    EXPECT_EQ(number_markup(12345.678, 4), "12346");
    EXPECT_EQ(number_markup(3.21e-7, 4), "3.21×10^{−7}");
    EXPECT_EQ(number_markup(1e-9, 4), "10^{−9}");
    EXPECT_EQ(number_markup(-1e9, 4), "−10^{9}");
    EXPECT_EQ(number_markup(9.9999e-9, 3), "10^{−8}");  // rounds up into the next power
    EXPECT_EQ(number_markup(std::nan(""), 4), "–");
}

TEST(NumberMarkup, HasNoNegativeZero) {
    EXPECT_EQ(fixed_text(-0.001, 2), "0.00");
    EXPECT_EQ(fixed_text(-0.1, 1), "−0.1");
}

TEST(CountText, GroupsLongNumbers) {
    EXPECT_EQ(count_text(2000), "2000");
    EXPECT_EQ(count_text(61234), "61\u202F234");
    EXPECT_EQ(count_text(1234567), "1\u202F234\u202F567");
}

TEST(DurationText, NamesTwoUnitsAtMost) {
    EXPECT_EQ(duration_text(0.42), "0.42 s");
    EXPECT_EQ(duration_text(9.999), "10 s");
    EXPECT_EQ(duration_text(59.6), "1 min 00 s");
    EXPECT_EQ(duration_text(192), "3 min 12 s");
    EXPECT_EQ(duration_text(7500), "2 h 05 min");
}

TEST(TextOfHtml, IsWhatASentenceShows) {
    EXPECT_EQ(text_of_html("a <bdi>b&lt;&amp;&#39;&quot;&gt;</bdi>, L<sub>mm</sub> 10<sup>−3</sup>"),
              "a b<&'\">, L_mm 10^−3");
    EXPECT_EQ(text_of_html("&amp;lt;"), "&lt;");
    EXPECT_EQ(text_of_html("x<b"), "x");
}

TEST(Wrapped, BreaksAtSpacesAndWithinWordsThatAreTooWide) {
    const auto lines = [](std::string_view text, double width) {
        std::string joined;
        for (const std::string& line : wrapped(text, width, 10)) joined += "[" + line + "]";
        return joined;
    };
    EXPECT_EQ(lines("", 100), "[]");
    EXPECT_EQ(lines("one two", 100), "[one two]");
    EXPECT_EQ(lines("one two three", 45), "[one two][three]");
    constexpr std::string_view text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b\u00e9";
    std::string joined;
    for (const std::string& line : wrapped(text, 60, 10)) {
        EXPECT_LE(text_width(line, 10), 60) << line;
        joined += line;
    }
    EXPECT_EQ(joined, text);
}

}  // namespace
}  // namespace ntpgeo
