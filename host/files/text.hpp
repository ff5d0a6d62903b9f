// Text from files, how it is cut into tokens (design 2.3), and words and contexts as people can read them on
// one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/data/counting.hpp"
#include "engine/data/dataset.hpp"
#include "engine/data/settings.hpp"

namespace ntpgeo {

class SentencePieceModel;

/// Cuts the file `text` and adds its tokens and documents to the corpus; the end of the text ends a document.
/// For all tokens but bytes a byte order mark at its beginning is dropped, and the text composed, folded and
/// composed again as the options say, before it is cut; one further on and control characters are ordinary
/// characters. Pieces are those of `model`, each document encoded as a whole. `name` stands for the text in
/// messages. Throws InputError with the byte offset where the text is not UTF-8 and nothing stands for what
/// is not, with its encoding where it is UTF-16 or UTF-32 (all but bytes), and for lowercase, composed or
/// replaced bytes. The categories and compositions are those of the ICU that was linked.
void append_text(std::string_view text, const TextOptions& options, const std::string& name, Corpus& corpus,
                 const SentencePieceModel* model = nullptr);

/// The file's bytes, or those of the standard input where `file` is "-". Throws InputError where it cannot be
/// read.
std::string read_text(const std::string& file);

/// A token as people can read it on one line: control, format, white-space and unassigned characters and what
/// is not UTF-8 escaped as in C (\n, \xNN for bytes, \u{NNNN}), a backslash doubled; always valid UTF-8. A
/// plain space stays.
std::string printable_token(std::string_view bytes);

/// Word `id` in the form of printable_token, in quotes where it is empty or holds a space; "#id" where the
/// data set has no vocabulary. Always valid UTF-8 without control characters.
std::string shown_word(const Dataset& dataset, std::int64_t id);

/// The words of a context, joined by spaces; "context J" where the data set does not have them.
std::string shown_context(const Dataset& dataset, std::int64_t context);

}  // namespace ntpgeo
