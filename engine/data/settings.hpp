// What the makers of data sets are told (design 2.1, data). SyntheticOptions are those of synth.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "engine/data/topk.hpp"
#include "engine/settings/setting.hpp"

namespace ntpgeo {

/// word: matches of [\p{L}\p{N}_]\p{M}*(?:\p{Cf}*[\p{L}\p{N}_]\p{M}*)* or one other character that is not \s,
/// where \s is White_Space and U+001C to U+001F; character: code points; byte: bytes.
enum class TokenKind { word, character, byte };

/// What a window may not cross the edge of. A line ends at \n, \r\n or \r, which belong to no line.
enum class DocumentKind { file, line };

/// What becomes of text that is not UTF-8: it is refused.
enum class InvalidText { error };

/// What a text is brought into before it is cut: left as it is, or Unicode's Normalization Form C.
enum class Normalization { none, nfc };

struct TextOptions {
    TokenKind tokens = TokenKind::word;
    DocumentKind documents = DocumentKind::file;
    bool lowercase = false;  ///< Unicode simple case folding, of the text as a whole, before it is cut
    Normalization normalize = Normalization::none;  ///< of the text as a whole, before and after it is folded
};

struct TextSettings {
    TextOptions text;
    std::optional<std::int64_t> vocab_size;  ///< V, as rank_vocabulary takes it
    OutsideTokens outside = OutsideTokens::skip;
    InvalidText invalid = InvalidText::error;
    NgramOptions ngrams;
};

struct StoriesSettings {
    std::int64_t stories = 5000;
    NgramOptions ngrams;
    std::uint64_t seed = 0;
};

/// The tables of what each is told, in the order of its help.
std::vector<Setting> settings_of(TextSettings& text);
std::vector<Setting> settings_of(StoriesSettings& stories);
std::vector<Setting> settings_of(NgramOptions& ngrams);
std::vector<Setting> settings_of(SyntheticOptions& synthetic);
std::vector<Setting> settings_of(TopKSettings& topk);

Names<TokenKind> names_of(TokenKind);
Names<DocumentKind> names_of(DocumentKind);
Names<Normalization> names_of(Normalization);
Names<OutsideTokens> names_of(OutsideTokens);
Names<ContextWeights> names_of(ContextWeights);
Names<SyntheticWeights> names_of(SyntheticWeights);
Names<MissingMass> names_of(MissingMass);

}  // namespace ntpgeo
