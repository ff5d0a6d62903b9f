#include "host/files/sentencepiece.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/files/text.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/sentencepiece_bytes.hpp"

namespace ntpgeo {
namespace {

using Words = std::vector<std::string>;

Words pieces_of(const SentencePieceModel& model, const std::string& text, DocumentKind documents) {
    Corpus corpus;
    append_text(text, {.tokens = TokenKind::piece, .documents = documents}, "test", corpus, &model);
    Words words;
    for (const std::int32_t token : corpus.tokens) words.emplace_back(corpus.table.bytes(token));
    return words;
}

TEST(SentencePiece, EachDocumentIsEncodedAsAWhole) {
    const ScratchFolder folder;
    write_raw(folder / "model", sentencepiece_bytes({"\u2581", "\u2581a", "b", "ab"}));
    const SentencePieceModel model(folder / "model");
    EXPECT_EQ(model.size(), 5);
    EXPECT_EQ(model.piece(0), "<unk>");
    EXPECT_EQ(pieces_of(model, "ab  a b", DocumentKind::file),
              (Words{"\u2581", "ab", "\u2581a", "\u2581", "b"}));
    EXPECT_EQ(pieces_of(model, "\uFEFFa\nb", DocumentKind::line), (Words{"\u2581a", "\u2581", "b"}));
    EXPECT_EQ(pieces_of(model, "a\nb", DocumentKind::file), (Words{"\u2581a", "<unk>", "b"}));
    EXPECT_EQ(pieces_of(model, "abzzb", DocumentKind::file), (Words{"\u2581", "ab", "<unk>", "b"}));
    expect_contains(refusal<InputError>([&] { pieces_of(model, "a\nb\xFF", DocumentKind::line); }),
                    "test: not UTF-8 at byte 3 (0xff)");
}

TEST(SentencePiece, WhatIsNoModelIsRefused) {
    const ScratchFolder folder;
    write_raw(folder / "text", "no model at all");
    write_raw(folder / "empty", "");
    for (const char* name : {"text", "empty"}) {
        expect_contains(refusal<InputError>([&] { const SentencePieceModel model(folder / name); }),
                        std::string(name) + ": is no SentencePiece model");
    }
    EXPECT_THROW(SentencePieceModel(folder / "missing"), InputError);
}

}  // namespace
}  // namespace ntpgeo
