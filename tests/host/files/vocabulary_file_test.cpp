#include "host/files/vocabulary_file.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

using Words = std::vector<std::string>;

Words read(const std::string& name, const std::string& bytes) {
    const ScratchFolder folder;
    write_raw(folder / name, bytes);
    return read_vocabulary(folder / name);
}

std::string said(const std::string& name, const std::string& bytes) {
    return refusal<InputError>([&] { read(name, bytes); });
}

TEST(VocabularyFile, ALineIsAToken) {
    EXPECT_EQ(read("v.txt", "the\n cat\n\n\xFF\n"), (Words{"the", " cat", "", "\xFF"}));
    EXPECT_EQ(read("v.txt", "\uFEFFa\nb"), (Words{"a", "b"}));
    EXPECT_EQ(read("v.txt", "a\r\nb\r\n"), (Words{"a", "b"}));
    EXPECT_EQ(read("v.txt", "a\n\r\nb\n"), (Words{"a", "\r", "b"}));  // \r is a token of some vocabularies
    expect_contains(said("v.txt", ""), "holds no token");
    expect_contains(said("v.txt", std::string("\xFF\xFE"
                                              "a\0\n\0",
                                              6)),
                    "is UTF-16LE; convert it (iconv");
}

TEST(VocabularyFile, ByteLevelTokensAreMadeBytesAgain) {
    EXPECT_EQ(byte_level_token("\u0120the"), " the");
    EXPECT_EQ(byte_level_token("\u010A"), "\n");
    EXPECT_EQ(byte_level_token("\u00C3\u00A9"), "\u00E9");  // the two bytes of é
    EXPECT_EQ(byte_level_token("\u0143"), "\xAD");          // the last of those that are spelled
    EXPECT_EQ(byte_level_token("\u00A1\u00FF\u0100\u0121\u0142"), std::string("\xA1\xFF\0\x7F\xA0", 5));
    EXPECT_EQ(byte_level_token("<\uFF5Cend\uFF5C>"), "<\uFF5Cend\uFF5C>");
    EXPECT_EQ(byte_level_token("a b"), "a b");  // a space is never spelled so
}

TEST(VocabularyFile, VocabJsonIsReadById) {
    EXPECT_EQ(read("vocab.json", R"({"b": 1, "a": 0, "\u0120c": 2})"), (Words{"a", "b", " c"}));
    EXPECT_EQ(read("vocab.json", R"({"w\u00f3z": 0, "\u0142\u0105ka": 1})"),
              (Words{"w\u00F3z", "\u0142\u0105ka"}));
    EXPECT_EQ(read("vocab.json", R"({"\u2581a": 0, "\u0120": 1})"), (Words{"\u2581a", "\u0120"}));
    EXPECT_EQ(read("vocab.json", R"({"model": 0})"), Words{"model"});
}

TEST(VocabularyFile, TokenizerJsonIsReadWithItsAddedTokens) {
    const std::string added =
        R"("added_tokens": [{"id": 2, "content": "<|\u0120|>"}, {"id": 0, "content": "a"}])";
    const std::string model = R"("model": {"type": "BPE", "vocab": {"a": 0, "\u0120b": 1}, "merges": []})";
    EXPECT_EQ(read("t.json", "{" + added + "," + model + R"(, "decoder": {"type": "ByteLevel"}})"),
              (Words{"a", " b", "<|\u0120|>"}));
    EXPECT_EQ(read("t.json", "{" + added + "," + model +
                                 R"(, "pre_tokenizer": {"type": "Sequence", "pretokenizers":
                                    [{"type": "Split"}, {"type": "ByteLevel"}]}, "decoder": null})"),
              (Words{"a", " b", "<|\u0120|>"}));
    EXPECT_EQ(read("t.json", "{" + model + R"(, "pre_tokenizer": {"type": "Metaspace"}})"),
              (Words{"a", "\u0120b"}));
    EXPECT_EQ(
        read("t.json", R"({"model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["\u2581a", -2.5]]}})"),
        (Words{"<unk>", "\u2581a"}));
}

TEST(VocabularyFile, JsonThatIsNoVocabularyIsRefused) {
    expect_contains(said("v.json", R"({"a": 0,)"), "is not valid JSON at byte");
    expect_contains(said("v.json", "[1]"), "is neither tokenizer.json nor vocab.json");
    expect_contains(said("v.json", "{}"), "holds no token");
    expect_contains(said("v.json", R"({"a": 0, "b": 2})"), "no token has id 1; 2 tokens have ids up to 2");
    expect_contains(said("v.json", R"({"a": 0, "b": 0})"), "the tokens 'a' and 'b' both have id 0");
    expect_contains(said("v.json", R"({"a": -1})"), "the token 'a' has id -1");
    expect_contains(said("v.json", R"({"a": 1.5})"), "has id 1.5");
    expect_contains(said("v.json", R"({"a": "0"})"), "has id \"0\"");
    expect_contains(said("v.json", R"({"a": 99999999999})"), "has id 99999999999");
    expect_contains(said("v.json", R"({"model": {"type": "BPE"}})"), "has no vocabulary at model.vocab");
    expect_contains(said("v.json", R"({"model": {"vocab": [["a", 0], 5]}})"), "model.vocab[1] is no token");
    expect_contains(said("v.json", R"({"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1}]})"),
                    "no content");
}

}  // namespace
}  // namespace ntpgeo
