#include "host/files/characters.hpp"

#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// The first bytes of a text as units of 2 or 4 bytes.
class Units {
  public:
    Units(std::string_view text, std::size_t width, std::endian order)
        : text_(text.substr(0, 4096)), width_(width), order_(order) {}

    [[nodiscard]] std::size_t count() const { return text_.size() / width_; }
    [[nodiscard]] std::uint32_t operator[](std::size_t place) const {
        std::uint32_t unit = 0;
        for (std::size_t i = 0; i < width_; ++i) {
            const std::size_t byte = order_ == std::endian::big ? i : width_ - 1 - i;
            unit = unit << 8 | static_cast<unsigned char>(text_[place * width_ + byte]);
        }
        return unit;
    }

  private:
    std::string_view text_;
    std::size_t width_;
    std::endian order_;
};

bool is_utf32(std::string_view text, std::endian order) {
    const Units units(text, 4, order);
    if (text.size() % 4 != 0 || units.count() < 2) return false;
    for (std::size_t i = 0; i < units.count(); ++i) {
        if (units[i] == 0 || units[i] > 0x10FFFF || U_IS_SURROGATE(units[i])) return false;
    }
    return true;
}

bool is_utf16(std::string_view text, std::endian order) {
    const Units units(text, 2, order);
    if (text.size() % 2 != 0 || units.count() < 2) return false;
    std::size_t latin = 0;
    std::size_t below_symbols = 0;
    for (std::size_t i = 0; i < units.count(); ++i) {
        const std::uint32_t unit = units[i];
        if (unit == 0) return false;
        if (U16_IS_TRAIL(unit) && (i == 0 || !U16_IS_LEAD(units[i - 1]))) return false;
        if (U16_IS_LEAD(unit) && i + 1 < units.count() && !U16_IS_TRAIL(units[i + 1])) return false;
        if (unit < 0x100) ++latin;
        if (unit < 0x2000) ++below_symbols;
    }
    return 8 * latin >= units.count() && 8 * below_symbols >= 7 * units.count();
}

constexpr std::string_view mark = "\xEF\xBB\xBF";

}  // namespace

void refuse_byte(std::string_view text, std::size_t at, const std::string& name) {
    throw InputError(
        fmt::format("{}: not UTF-8 at byte {} (0x{:02x}); convert the text, or take --invalid replace "
                    "or --tokens byte",
                    name, at, static_cast<unsigned char>(text[at])));
}

void require_utf8(std::string_view text, const std::string& name) {
    for (std::size_t at = 0; at < text.size();) character_at(text, at, name);
}

std::string replaced(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto [character, bytes] = next_piece(text, at);
        result += character < 0 ? std::string_view("\uFFFD") : bytes;
    }
    return result;
}

std::optional<std::string_view> wide_encoding(std::string_view text) {
    using namespace std::string_view_literals;
    // The mark of UTF-32LE begins with that of UTF-16LE.
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> marks{{
        {"\xFF\xFE\0\0"sv, "UTF-32LE"},
        {"\0\0\xFE\xFF"sv, "UTF-32BE"},
        {"\xFF\xFE"sv, "UTF-16LE"},
        {"\xFE\xFF"sv, "UTF-16BE"},
    }};
    for (const auto& [bytes, encoding] : marks) {
        if (text.starts_with(bytes)) return encoding;
    }
    if (is_utf32(text, std::endian::little)) return "UTF-32LE";
    if (is_utf32(text, std::endian::big)) return "UTF-32BE";
    if (is_utf16(text, std::endian::little)) return "UTF-16LE";
    if (is_utf16(text, std::endian::big)) return "UTF-16BE";
    return std::nullopt;
}

std::size_t begin_of_characters(std::string_view text, const std::string& name) {
    if (text.starts_with(mark)) return mark.size();
    if (const auto encoding = wide_encoding(text)) {
        throw InputError(
            fmt::format("{}: is {}, and text must be UTF-8; convert it (iconv -f {} -t UTF-8), or read it by "
                        "--tokens byte",
                        name, *encoding, *encoding));
    }
    return 0;
}

std::string composed(std::string_view text, std::size_t piece) {
    UErrorCode error = U_ZERO_ERROR;
    const auto require = [&error] {
        if (U_FAILURE(error) != 0)
            throw Failure(fmt::format("ICU cannot bring text into NFC: {}", u_errorName(error)));
    };
    const icu::Normalizer2* const normalizer = icu::Normalizer2::getNFCInstance(error);
    require();
    std::string result;
    result.reserve(text.size());
    icu::StringByteSink<std::string> sink(&result);
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = begin + std::min(std::max<std::size_t>(piece, 1), text.size() - begin);
        while (end < text.size()) {
            std::size_t after = end;
            if (!U8_IS_TRAIL(text[end]) && normalizer->hasBoundaryBefore(character_at(text, after, "")) != 0)
                break;
            ++end;
        }
        // ICU counts bytes in 32 bits.
        if (end - begin > INT32_MAX) {
            throw InputError(
                "--normalize nfc: more than 2 GiB of text in which each character could compose "
                "with the one before; leave the option out");
        }
        const icu::StringPiece source(text.data() + begin, static_cast<std::int32_t>(end - begin));
        normalizer->normalizeUTF8(0, source, sink, nullptr, error);
        require();
        begin = end;
    }
    return result;
}

std::string folded(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        if (static_cast<unsigned char>(text[at]) < 128) {
            const char byte = text[at++];
            result.push_back(byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte);
            continue;
        }
        const UChar32 character = u_foldCase(character_at(text, at, ""), U_FOLD_CASE_DEFAULT);
        std::array<char, U8_MAX_LENGTH> bytes{};
        std::size_t length = 0;
        U8_APPEND_UNSAFE(bytes.data(), length, character);
        result.append(bytes.data(), length);
    }
    return result;
}

}  // namespace ntpgeo
