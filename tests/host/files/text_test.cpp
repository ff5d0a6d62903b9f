#include "host/files/text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

using Words = std::vector<std::string>;

Corpus cut(std::string_view text, const TextOptions& options = {}) {
    Corpus corpus;
    append_text(text, options, "test", corpus);
    return corpus;
}

Words words_of(const Corpus& corpus) {
    Words words;
    for (const std::int32_t token : corpus.tokens) words.emplace_back(corpus.table.bytes(token));
    return words;
}

Words words(std::string_view text, const TextOptions& options = {}) {
    return words_of(cut(text, options));
}

TEST(Text, WordsAreRunsOfLettersDigitsAndUnderscoresOrSingleMarks) {
    EXPECT_EQ(words("We know't, x_1  went."), (Words{"We", "know", "'", "t", ",", "x_1", "went", "."}));
    EXPECT_EQ(words("..."), (Words{".", ".", "."}));
    EXPECT_EQ(words(" \t\n\v\f\r"), Words{});
    EXPECT_EQ(words(std::string_view("a\0b", 3)), (Words{"a", std::string(1, '\0'), "b"}));
}

TEST(Text, WordsFollowUnicodeCategories) {
    EXPECT_EQ(words("Stra\u00DFe \u4F60\u597D\u3002"), (Words{"Stra\u00DFe", "\u4F60\u597D", "\u3002"}));
    EXPECT_EQ(words("\u00B2\u00BD\u216B\u0967"),
              (Words{"\u00B2\u00BD\u216B\u0967"}));  // No, Nl and Nd are numbers
    EXPECT_EQ(words("\U0001F600\U0001F600x"), (Words{"\U0001F600", "\U0001F600", "x"}));
}

// Cases of [\p{L}\p{N}_]\p{M}*(?:\p{Cf}*[\p{L}\p{N}_]\p{M}*)* or one other character, cut by hand.
TEST(Text, MarksStayWithTheirLettersAndFormatCharactersBetweenLetters) {
    const std::vector<std::pair<std::string, Words>> cases = {
        {"cafe\u0301 noir", {"cafe\u0301", "noir"}},
        {"a\u0301b", {"a\u0301b"}},
        {"a\u0301\u0328\u20DD.", {"a\u0301\u0328\u20DD", "."}},                              // Mn, Mn and Me
        {"\u0939\u093F\u0928\u094D\u0926\u0940", {"\u0939\u093F\u0928\u094D\u0926\u0940"}},  // Mc and Mn
        {"\u0915\u094D\u200D\u0937", {"\u0915\u094D\u200D\u0937"}},  // a joiner behind a mark
        {"soft\u00ADhyphen", {"soft\u00ADhyphen"}},
        {"\u0645\u06CC\u200C\u0631", {"\u0645\u06CC\u200C\u0631"}},
        {"a\u200Bb a\uFEFFb", {"a\u200Bb", "a\uFEFFb"}},
        {"a\u200D\u00AD\u20601_", {"a\u200D\u00AD\u20601_"}},  // several of them
        {"\u00ADa\u00AD", {"\u00AD", "a", "\u00AD"}},          // none before it, none after it
        {"a\u00AD b", {"a", "\u00AD", "b"}},
        {"a\u00AD\u00AD-b", {"a", "\u00AD", "\u00AD", "-", "b"}},
        {"a\u200D\u0301b", {"a", "\u200D", "\u0301", "b"}},  // a mark needs a letter before it
        {"\u0301a", {"\u0301", "a"}},
        {" \u0301", {"\u0301"}},
        {"-\u0301\u0301", {"-", "\u0301", "\u0301"}},
        {"_\u0301 1\u20E3", {"_\u0301", "1\u20E3"}},
        {"\U0001F469\u200D\U0001F4BB", {"\U0001F469", "\u200D", "\U0001F4BB"}},  // pictures are no letters
        {"\u2764\uFE0F", {"\u2764", "\uFE0F"}},
    };
    for (const auto& [text, right] : cases) {
        EXPECT_EQ(words(text), right) << printable_token(text);
        // An edge of a document cuts every word, whatever would follow.
        EXPECT_EQ(words(text + "\n\u0301", {.documents = DocumentKind::line}).size(), right.size() + 1)
            << printable_token(text);
    }
}

TEST(Text, AByteOrderMarkAtTheStartOfEachFileIsDroppedButByBytes) {
    const std::string mark = "\uFEFF";
    for (const bool lowercase : {false, true}) {
        for (const Normalization normalize : {Normalization::none, Normalization::nfc}) {
            for (const DocumentKind documents : {DocumentKind::file, DocumentKind::line}) {
                TextOptions options{TokenKind::word, documents, lowercase, normalize};
                Corpus corpus;
                append_text(mark + "a\n" + mark + "b", options, "one", corpus);
                append_text(mark, options, "two", corpus);
                append_text(mark + mark + "a", options, "three", corpus);
                EXPECT_EQ(words_of(corpus), (Words{"a", mark, "b", mark, "a"}));
                options.tokens = TokenKind::character;
                EXPECT_EQ(words(mark + "a" + mark, options), (Words{"a", mark}));
            }
        }
    }
    EXPECT_EQ(words(mark + "a", {.tokens = TokenKind::byte}), (Words{"\xEF", "\xBB", "\xBF", "a"}));
}

TEST(Text, NfcComposesTheTextBeforeItIsCut) {
    const TextOptions nfc{.normalize = Normalization::nfc};
    EXPECT_EQ(words("cafe\u0301 caf\u00E9 \u212B A\u030A", nfc),
              (Words{"caf\u00E9", "caf\u00E9", "\u00C5", "\u00C5"}));
    EXPECT_EQ(words("e\u0301\u0323x", {.tokens = TokenKind::character, .normalize = Normalization::nfc}),
              (Words{"\u1EB9", "\u0301", "x"}));  // marks in their order, below before above
    EXPECT_EQ(words("cafe\u0301"), Words{"cafe\u0301"});

    // What is canonically equivalent stays so when it is folded, and the folded text is composed.
    const TextOptions both{.lowercase = true, .normalize = Normalization::nfc};
    EXPECT_EQ(words("\u0391\u0345 \u1FBC \u03B1\u0345", both), (Words{"\u1FB3", "\u1FB3", "\u1FB3"}));
    EXPECT_EQ(words("H\u0331 \u1E96", both), (Words{"\u1E96", "\u1E96"}));

    expect_contains(
        refusal<InputError>([] { cut("a", {.tokens = TokenKind::byte, .normalize = Normalization::nfc}); }),
        "--normalize nfc composes characters and does not go with --tokens byte");
}

TEST(Text, Utf16AndUtf32AreRefusedByNameAndReadByBytes) {
    const std::string text("\xFF\xFEh\0i\0", 6);
    for (const TokenKind tokens : {TokenKind::word, TokenKind::character}) {
        EXPECT_EQ(refusal<InputError>([&] { cut(text, {.tokens = tokens}); }),
                  "test: is UTF-16LE, and text must be UTF-8; convert it (iconv -f UTF-16LE -t UTF-8), or "
                  "read it by --tokens byte");
    }
    EXPECT_EQ(words(text, {.tokens = TokenKind::byte}).size(), 6);
}

TEST(Text, SpaceIsWhiteSpaceAndTheFourSeparators) {
    for (const char* space : {"\u0085", "\u00A0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202F", "\u205F",
                              "\u3000", "\x1C", "\x1D", "\x1E", "\x1F"}) {
        EXPECT_EQ(words("a" + std::string(space) + "b"), (Words{"a", "b"})) << space;
    }
    EXPECT_EQ(words("a\x1B"), (Words{"a", "\x1B"}));
}

TEST(Text, CharactersAreCodePointsAndBytesAreBytes) {
    EXPECT_EQ(words("a\u00E9 \U0001F600", {.tokens = TokenKind::character}),
              (Words{"a", "\u00E9", " ", "\U0001F600"}));
    EXPECT_EQ(words("\xC3\xA9\xFF", {.tokens = TokenKind::byte}), (Words{"\xC3", "\xA9", "\xFF"}));
}

TEST(Text, LowercaseIsSimpleFoldingOfTheTextBeforeItIsCut) {
    EXPECT_EQ(words("ABC \u00C9 \u1E9E \u03A3\u03C2 \u212A \u0130", {.lowercase = true}),
              (Words{"abc", "\u00E9", "\u00DF", "\u03C3\u03C3", "k", "\u0130"}));
    EXPECT_EQ(words("a\u0345", {.lowercase = true}), Words{"a\u03B9"});  // the mark folds to a letter
    EXPECT_THROW(words("A", {.tokens = TokenKind::byte, .lowercase = true}), InputError);
}

TEST(Text, LinesEndAtAnyLineEndAndEmptyOnesAreNothing) {
    const Corpus corpus = cut("a b\rc\r\n\r\n\nd\u2028e\n", {.documents = DocumentKind::line});
    EXPECT_EQ(words_of(corpus), (Words{"a", "b", "c", "d", "e"}));
    EXPECT_EQ(corpus.document_ends, (std::vector<std::int64_t>{2, 3, 5}));
    const Corpus bytes = cut("ab\n\r", {.tokens = TokenKind::byte, .documents = DocumentKind::line});
    EXPECT_EQ(words_of(bytes), (Words{"a", "b"}));
}

TEST(Text, EachFileIsADocumentOfItsOwn) {
    Corpus corpus;
    append_text("a\nb", {}, "one", corpus);
    append_text("", {}, "two", corpus);
    append_text("b c", {}, "three", corpus);
    EXPECT_EQ(corpus.document_ends, (std::vector<std::int64_t>{2, 4}));
    EXPECT_EQ(words_of(corpus), (Words{"a", "b", "b", "c"}));
}

TEST(Text, NamesTheFirstByteThatIsNotUtf8) {
    struct Case {
        std::string text;
        int offset;
    };
    const std::vector<Case> cases = {
        {"\xFF", 0},
        {"ab\n\xC3", 3},                // cut off
        {"ab \xC3(", 3},                // no continuation
        {"\x80", 0},                    // a continuation alone
        {"a\xC0\x80", 1},               // overlong
        {"a\xED\xA0\x80", 1},           // a surrogate
        {"\u00E9\xF4\x90\x80\x80", 2},  // above U+10FFFF
        {"\uFEFF\xFF", 3},              // a byte order mark counts
        {"\xE2\x82\nx", 0},             // the line's end does not complete it
    };
    for (const Case& wrong : cases) {
        for (const TokenKind tokens : {TokenKind::word, TokenKind::character}) {
            for (const bool changed : {false, true}) {
                for (const DocumentKind documents : {DocumentKind::file, DocumentKind::line}) {
                    const std::string message = refusal<InputError>([&] {
                        cut(wrong.text,
                            {tokens, documents, changed, changed ? Normalization::nfc : Normalization::none});
                    });
                    expect_contains(message,
                                    "test: not UTF-8 at byte " + std::to_string(wrong.offset) + " (0x");
                }
            }
        }
    }
}

TEST(Text, TokensBetweenSpacesKeepTheirSigns) {
    const TextOptions options{.tokens = TokenKind::space};
    EXPECT_EQ(words("\uFEFF the <unk>  N.Y.-based\tfirm \n it 's\u00A0caf\u00E9", options),
              (Words{"the", "<unk>", "N.Y.-based", "firm", "it", "'s", "caf\u00E9"}));
    EXPECT_EQ(words(" \n\t", options), Words{});
    EXPECT_EQ(words("a", options), Words{"a"});
}

TEST(Text, ParagraphsEndAtBlankLines) {
    const TextOptions options{.tokens = TokenKind::byte, .documents = DocumentKind::paragraph};
    const auto ends = [&](std::string_view text) { return cut(text, options).document_ends; };
    const auto cuts = [&](std::string_view text) {
        std::string bytes;
        for (const std::string& byte : words_of(cut(text, options))) bytes += byte;
        return bytes;
    };
    EXPECT_EQ(ends("ab\ncd\n\nef\n"), (std::vector<std::int64_t>{5, 7}));
    EXPECT_EQ(cuts("ab\ncd\n\nef\n"), "ab\ncdef");  // its last line's end is no part of a paragraph
    EXPECT_EQ(ends("\n \t\n a\r\n\r\nb\r\rc"), (std::vector<std::int64_t>{2, 3, 4}));
    EXPECT_EQ(ends("a\r\nb"), std::vector<std::int64_t>{4});  // \r\n is one end, and no blank line
    EXPECT_EQ(ends("\n\n \n"), std::vector<std::int64_t>{});
    EXPECT_EQ(ends("a\n\n\n\nb\n \n"), (std::vector<std::int64_t>{1, 2}));
}

TEST(Text, WhatIsNotUtf8BecomesTheReplacementCharacterWhereAskedFor) {
    TextOptions options{.tokens = TokenKind::character, .invalid = InvalidText::replace};
    const std::string r = "\uFFFD";
    // As Python's errors="replace": one for a beginning that does not go on, one for each byte that begins
    // nothing.
    for (const auto& [text, right] :
         std::vector<std::pair<std::string, Words>>{{"a\xFFz", {"a", r, "z"}},
                                                    {"\xE2\x82z", {r, "z"}},
                                                    {"\xF0\x9F\x98", {r}},
                                                    {"\xED\xA0\x80", {r, r, r}},
                                                    {"\xC0\x80", {r, r}},
                                                    {"\uFEFF\u00E9\x80", {"\u00E9", r}}}) {
        EXPECT_EQ(words(text, options), right) << printable_token(text);
    }
    options.lowercase = true;
    EXPECT_EQ(words("A\xFF", options), (Words{"a", r}));
    expect_contains(
        refusal<InputError>([] { cut("a", {.tokens = TokenKind::byte, .invalid = InvalidText::replace}); }),
        "--invalid replace writes characters");
    expect_contains(refusal<InputError>([&] { cut(std::string("\xFF\xFEh\0", 4), options); }), "UTF-16LE");
}

TEST(Text, ReadsFilesWholeAndRefusesFolders) {
    const ScratchFolder folder;
    const std::string bytes("a\0\r\n\xFF", 5);
    write_raw(folder / "text", bytes);
    EXPECT_EQ(read_text(folder / "text"), bytes);
    EXPECT_THROW(read_text(folder.path()), InputError);
    EXPECT_THROW(read_text(folder / "missing"), InputError);
}

TEST(Text, PrintableTokensFitOnOneLineOfUtf8) {
    EXPECT_EQ(printable_token("word"), "word");
    EXPECT_EQ(printable_token("\u00E9 \U0001F600"), "\u00E9 \U0001F600");
    EXPECT_EQ(printable_token("\n\r\t\\\x1B\x7F"), "\\n\\r\\t\\\\\\x1b\\x7f");
    EXPECT_EQ(printable_token("\xFF\xC3"), "\\xff\\xc3");
    EXPECT_EQ(printable_token("\u2028\u202E\u0085"), "\\u{2028}\\u{202E}\\u{0085}");
}

}  // namespace
}  // namespace ntpgeo
