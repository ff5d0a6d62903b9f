// Text as characters: UTF-8 and what is taken for it, the byte order mark, composition (NFC) and case
// folding.
#pragma once

#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ntpgeo {

/// A character and its bytes; negative where they are no UTF-8.
struct Piece {
    std::int32_t character;
    std::string_view bytes;
};

/// The piece at byte `at` < text.size(), which moves behind it.
inline Piece next_piece(std::string_view text, std::size_t& at) {
    const std::size_t begin = at;
    UChar32 character = 0;
    U8_NEXT(text.data(), at, text.size(), character);
    return {character, text.substr(begin, at - begin)};
}

/// Throws the InputError of a byte at `at` of `text`, called `name`, that is not UTF-8.
[[noreturn]] void refuse_byte(std::string_view text, std::size_t at, const std::string& name);

/// The character at byte `at` < text.size(), which moves behind it. Throws InputError, with `name` and the
/// place, where that is not UTF-8.
inline std::int32_t character_at(std::string_view text, std::size_t& at, const std::string& name) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 128) {
        ++at;
        return first;
    }
    const std::size_t begin = at;
    const std::int32_t character = next_piece(text, at).character;
    if (character < 0) refuse_byte(text, begin, name);
    return character;
}

/// Throws InputError, with `name` and the first wrong byte, where `text` is not UTF-8.
void require_utf8(std::string_view text, const std::string& name);

/// The text with U+FFFD for what is not UTF-8: one for each byte that begins no character and each beginning
/// of a character that does not go on (Unicode's practice, which Python's errors="replace" follows).
std::string replaced(std::string_view text);

/// "UTF-16LE", "UTF-16BE", "UTF-32LE" or "UTF-32BE" where the text is that, by its byte order mark or,
/// without one, by its first 4096 bytes: units of that width and order, all of them characters and no NUL. Of
/// UTF-16 without a mark seven in eight must lie below U+2000 and one in eight below U+0100, as in all
/// scripts that put spaces between their words, for other pairs of bytes can be text. Empty for all else.
std::optional<std::string_view> wide_encoding(std::string_view text);

/// Where the characters of the file `text` begin: behind its UTF-8 byte order mark, else at 0. Throws
/// InputError where it is UTF-16 or UTF-32, with the command that converts it.
std::size_t begin_of_characters(std::string_view text, const std::string& name);

/// The UTF-8 text in Unicode's Normalization Form C, by the tables of the ICU that was linked. It is worked
/// on in pieces of about `piece` bytes, which end where no character composes over; the result does not
/// depend on it. Throws Failure where ICU cannot, and InputError where more than 2 GiB hang together.
std::string composed(std::string_view text, std::size_t piece = std::size_t{1} << 24);

/// The UTF-8 text with each character folded (Unicode simple case folding).
std::string folded(std::string_view text);

}  // namespace ntpgeo
