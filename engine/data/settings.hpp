// What the makers of data sets are told (design 2.1, data). SyntheticOptions are those of synth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "engine/data/topk.hpp"
#include "engine/settings/setting.hpp"

namespace ntpgeo {

/// word: matches of [\p{L}\p{N}_]\p{M}*(?:\p{Cf}*[\p{L}\p{N}_]\p{M}*)* or one other character that is not \s,
/// where \s is White_Space and U+001C to U+001F; character: code points; byte: bytes; space: runs of what is
/// not \s; piece: a SentencePiece model's pieces of each document.
enum class TokenKind { word, character, byte, space, piece };

/// What a window may not cross the edge of. A line ends at \n, \r\n or \r, which belong to no line; a
/// paragraph is the lines between two that are blank.
enum class DocumentKind { file, line, paragraph };

/// What becomes of text that is not UTF-8: it is refused, or U+FFFD stands for it.
enum class InvalidText { error, replace };

/// What a text is brought into before it is cut: left as it is, or Unicode's Normalization Form C.
enum class Normalization { none, nfc };

struct TextOptions {
    TokenKind tokens = TokenKind::word;
    DocumentKind documents = DocumentKind::file;
    bool lowercase = false;  ///< Unicode simple case folding, of the text as a whole, before it is cut
    Normalization normalize = Normalization::none;  ///< of the text as a whole, before and after it is folded
    InvalidText invalid = InvalidText::error;
    std::string model{};  ///< of pieces: the file of the SentencePiece model
};

struct TextSettings {
    TextOptions text;
    std::optional<std::int64_t> vocab_size;  ///< V, as rank_vocabulary takes it
    std::string vocab_file;                  ///< of the vocabulary that is given; empty: it is ranked
    OutsideTokens outside = OutsideTokens::skip;
    NgramOptions ngrams;
    std::optional<std::int64_t> memory;  ///< bytes that the whole process may take; changes no result
};

/// How a file of token ids is laid out. automatic: as its beginning and its name say.
enum class TokenFormat { automatic, nanogpt, llmc, megatron, npy };

/// The integers that a file's ids are. automatic: uint16 in nanogpt's files, and what the file says
/// elsewhere.
enum class IdType { automatic, uint8, int8, uint16, int16, uint32, int32, uint64, int64 };

struct TokenFileOptions {
    TokenFormat format = TokenFormat::automatic;
    IdType type = IdType::automatic;
    std::optional<std::int64_t> end_of_text{};  ///< the id between two texts, which stands in no window
};

struct TokensSettings {
    TokenFileOptions files;
    std::optional<std::int64_t> vocab_size;  ///< V, which is above every id
    std::string vocab_file;                  ///< of the ids' names; empty: they have none
    NgramOptions ngrams;
    std::optional<std::int64_t> memory;  ///< as of a text
};

struct StoriesSettings {
    std::int64_t stories = 5000;
    NgramOptions ngrams;
    std::uint64_t seed = 0;
};

/// The tables of what each is told, in the order of its help.
std::vector<Setting> settings_of(TextSettings& text);
std::vector<Setting> settings_of(TokensSettings& tokens);
std::vector<Setting> settings_of(StoriesSettings& stories);
std::vector<Setting> settings_of(NgramOptions& ngrams);
std::vector<Setting> settings_of(SyntheticOptions& synthetic);
std::vector<Setting> settings_of(TopKSettings& topk);

/// What --tokens is given for them: "word", "spm:MODEL".
std::string tokens_text(const TextOptions& text);

Names<DocumentKind> names_of(DocumentKind);
Names<InvalidText> names_of(InvalidText);
Names<Normalization> names_of(Normalization);
Names<TokenFormat> names_of(TokenFormat);
Names<IdType> names_of(IdType);
Names<OutsideTokens> names_of(OutsideTokens);
Names<ContextWeights> names_of(ContextWeights);
Names<SyntheticWeights> names_of(SyntheticWeights);
Names<MissingMass> names_of(MissingMass);

}  // namespace ntpgeo
