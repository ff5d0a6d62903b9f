#include "host/files/characters.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

/// The characters as units of `width` bytes each; above U+FFFF as a surrogate pair where width is 2.
std::string wide(const std::u32string& characters, std::size_t width, bool big) {
    std::string bytes;
    const auto append = [&](std::uint32_t unit) {
        for (std::size_t i = 0; i < width; ++i)
            bytes += static_cast<char>(unit >> 8 * (big ? width - 1 - i : i) & 0xFF);
    };
    for (const char32_t character : characters) {
        if (width == 2 && character > 0xFFFF) {
            append(0xD800 + ((character - 0x10000) >> 10));
            append(0xDC00 + ((character - 0x10000) & 0x3FF));
        } else {
            append(character);
        }
    }
    return bytes;
}

TEST(Characters, Utf16AndUtf32AreRecognisedWithAMarkAndWithout) {
    const std::vector<std::u32string> texts = {
        U"hi", U"The cat sat.\r\nThe dog, too.\n",
        U"\u041F\u0440\u0438\u0432\u0435\u0442, \u043C\u0438\u0440! \u0411\u0438\u0442\u044C.\n",
        U"caf\u00E9 \u201Cquoted\u201D \u2014 and more of it\n", U"a face \U0001F600 in it\n"};
    for (const std::u32string& text : texts) {
        for (const std::u32string& mark : {std::u32string(), std::u32string(U"\uFEFF")}) {
            EXPECT_EQ(wide_encoding(wide(mark + text, 2, false)), "UTF-16LE");
            EXPECT_EQ(wide_encoding(wide(mark + text, 2, true)), "UTF-16BE");
            EXPECT_EQ(wide_encoding(wide(mark + text, 4, false)), "UTF-32LE");
            EXPECT_EQ(wide_encoding(wide(mark + text, 4, true)), "UTF-32BE");
        }
    }
    // A mark tells of any script, and of a text that ends in the middle of a character.
    EXPECT_EQ(wide_encoding(wide(U"\uFEFF\u4F60\u597D", 2, false)), "UTF-16LE");
    EXPECT_EQ(wide_encoding("\xFE\xFF"), "UTF-16BE");
    EXPECT_EQ(wide_encoding("\xFF\xFE\x61"), "UTF-16LE");
    // The first 4096 bytes tell, even where they end between the halves of a pair.
    const std::u32string longer = std::u32string(2047, U'a') + U"\U0001F600" + std::u32string(3000, U'b');
    EXPECT_EQ(wide_encoding(wide(longer, 2, false)), "UTF-16LE");
}

TEST(Characters, OtherTextIsTakenForNeither) {
    const std::vector<std::string> texts = {
        "",
        "a",
        "ab",
        "plain text",
        "\uFEFFmarked",
        "\u4F60\u597D",
        "\u041F\u0440\u0438\u0432\u0435\u0442",
        std::string("a\0b", 3),
        std::string("a\0", 2),
        std::string("\0\0\0\0\0\0\0\0", 8),
        std::string("the\0cat\0has\0one\0", 16),  // a list with NUL between its items
        std::string("a line and a \0 in it\n", 21) + "x",
        "\xFF",
        "\xFE\xFE"};
    for (const std::string& text : texts)
        EXPECT_FALSE(wide_encoding(text)) << testing::PrintToString(text) << *wide_encoding(text);
    // Half a surrogate pair is no UTF-16, and a number above U+10FFFF no UTF-32.
    EXPECT_FALSE(wide_encoding(wide(U"abcdef", 2, false) + std::string("\0\xDC", 2)));
    EXPECT_FALSE(wide_encoding(wide(U"abcdef", 2, true) + std::string("\xD8\0\0a", 4)));
    EXPECT_FALSE(wide_encoding(wide(U"ab", 4, false) + std::string("\0\0\x11\0", 4)));
}

TEST(Characters, CharactersBeginBehindTheMark) {
    EXPECT_EQ(begin_of_characters("\uFEFFa", "test"), 3);
    EXPECT_EQ(begin_of_characters("a\uFEFF", "test"), 0);
    EXPECT_EQ(begin_of_characters("", "test"), 0);
    expect_contains(refusal<InputError>([] { (void)begin_of_characters(wide(U"\uFEFFa", 4, true), "test"); }),
                    "test: is UTF-32BE, and text must be UTF-8; convert it (iconv -f UTF-32BE -t UTF-8)");
}

TEST(Characters, CompositionDoesNotDependOnWhereATextIsTakenApart) {
    // Latin with marks in both orders, Hangul of three letters, singletons, a composition excluded from NFC,
    // a mark alone, characters of one to four bytes.
    const std::string text =
        "e\u0301\u0323 a\u0328\u0301\u0301 \u1112\u1161\u11AB\u1100\u1161 \u212B\u2126\n"
        "\u0958 \u0301 \U0001D15E \u00E9\u0301 \U0001F600\u0308z";
    const std::string right =
        "\u1EB9\u0301 \u0105\u0301\u0301 \uD55C\uAC00 \u00C5\u03A9\n"
        "\u0915\u093C \u0301 \U0001D157\U0001D165 \u00E9\u0301 \U0001F600\u0308z";
    for (std::size_t piece = 0; piece <= text.size() + 1; ++piece)
        EXPECT_EQ(composed(text, piece), right) << piece;
    EXPECT_EQ(composed(text), right);
    EXPECT_EQ(composed(right), right);
    EXPECT_EQ(composed(""), "");
}

TEST(Characters, LongTextIsComposedWhole) {
    // Past the pieces of 16 MiB, with a combining mark on every letter.
    std::string text;
    constexpr std::size_t letters = (std::size_t{1} << 24) / 3 + 1000;
    for (std::size_t i = 0; i < letters; ++i) text += "e\u0301";
    const std::string result = composed(text);
    ASSERT_EQ(result.size(), 2 * letters);
    for (std::size_t i = 0; i < letters; ++i) ASSERT_EQ(result.compare(2 * i, 2, "\u00E9"), 0) << i;
}

}  // namespace
}  // namespace ntpgeo
