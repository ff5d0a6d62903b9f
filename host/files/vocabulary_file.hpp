// Vocabularies that a tokenizer has left in a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ntpgeo {

/// The bytes of each token, by its id. A file whose name ends in .json is Hugging Face's tokenizer.json
/// (model.vocab of any model, and added_tokens) or vocab.json (an object of tokens and their ids); where the
/// tokenizer works on bytes that it spells by printable characters ("Ġthe"), they are made bytes again
/// (" the"): by its pre_tokenizer or decoder ByteLevel, in vocab.json where nothing but those characters
/// occurs and a token begins with Ġ. In any other file a line is a token: it ends at \n, or at \r\n where all
/// of them do; a byte order mark is dropped. Throws InputError, with line, byte or id, where the file is no
/// JSON, UTF-16, no vocabulary, or has an id twice or not at all.
std::vector<std::string> read_vocabulary(const std::filesystem::path& path);

/// The token that a byte-level tokenizer spells so, or the spelling itself where it holds a character that
/// stands for no byte, as added tokens may.
std::string byte_level_token(const std::string& spelled);

}  // namespace ntpgeo
