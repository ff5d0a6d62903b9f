// Text from files, and how it is cut into tokens (design 2.3).
#pragma once

#include <string>
#include <string_view>

#include "engine/data/counting.hpp"

namespace ntpgeo {

/// word: matches of [\p{L}\p{N}_]+|[^\p{L}\p{N}_\s], where \s is White_Space and U+001C to U+001F;
/// character: code points; byte: bytes.
enum class TokenKind { word, character, byte };

/// What a window may not cross the edge of. A line ends at \n, \r\n or \r, which belong to no line.
enum class DocumentKind { file, line };

struct TextOptions {
    TokenKind tokens = TokenKind::word;
    DocumentKind documents = DocumentKind::file;
    bool lowercase = false;  ///< Unicode simple case folding, of the text as a whole, before it is cut
};

/// Cuts `text` and adds its tokens and documents to the corpus; the end of the text ends a document. A byte
/// order mark and control characters are ordinary characters. `name` stands for the text in messages. Throws
/// InputError with the byte offset where the text is not UTF-8 (word, character), and for lowercase bytes.
/// The categories are those of the ICU that was linked.
void append_text(std::string_view text, const TextOptions& options, const std::string& name, Corpus& corpus);

/// The file's bytes, or those of the standard input where `file` is "-". Throws InputError where it cannot be
/// read.
std::string read_text(const std::string& file);

/// A token as people can read it on one line: control, format, white-space and unassigned characters and what
/// is not UTF-8 escaped as in C (\n, \xNN for bytes, \u{NNNN}), a backslash doubled; always valid UTF-8. A
/// plain space stays.
std::string printable_token(std::string_view bytes);

}  // namespace ntpgeo
