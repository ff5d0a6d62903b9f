#include "host/files/text.hpp"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

enum class CharacterClass : unsigned char { space, word, other };

constexpr std::array<CharacterClass, 128> ascii_classes = [] {
    std::array<CharacterClass, 128> classes{};
    for (int c = 0; c < 128; ++c) {
        const bool word =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        const bool space = (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
        classes[c] = word ? CharacterClass::word : space ? CharacterClass::space : CharacterClass::other;
    }
    return classes;
}();

CharacterClass class_of(UChar32 character) {
    if (character < 128) return ascii_classes[character];
    if ((U_GET_GC_MASK(character) & (U_GC_L_MASK | U_GC_N_MASK)) != 0) return CharacterClass::word;
    return u_isUWhiteSpace(character) ? CharacterClass::space : CharacterClass::other;
}

/// One text on its way into a corpus.
class Cutter {
  public:
    Cutter(std::string_view text, const std::string& name, Corpus& corpus)
        : text_(text), name_(name), corpus_(corpus) {
        number_of_byte_.fill(-1);
    }

    void cut(std::size_t begin, std::size_t end, TokenKind kind) {
        end_ = end;
        switch (kind) {
            case TokenKind::word:
                return cut_words(begin);
            case TokenKind::character:
                return cut_characters(begin);
            case TokenKind::byte:
                for (; begin < end; ++begin) add_byte(begin);
        }
    }

    /// The text with each character folded.
    [[nodiscard]] std::string folded() {
        end_ = text_.size();
        std::string result;
        result.reserve(text_.size());
        for (std::size_t at = 0; at < end_;) {
            if (is_ascii(at)) {
                const char byte = text_[at++];
                result.push_back(byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte);
                continue;
            }
            const UChar32 character = u_foldCase(decode(at), U_FOLD_CASE_DEFAULT);
            std::array<char, U8_MAX_LENGTH> bytes{};
            std::size_t length = 0;
            U8_APPEND_UNSAFE(bytes.data(), length, character);
            result.append(bytes.data(), length);
        }
        return result;
    }

  private:
    [[nodiscard]] bool is_ascii(std::size_t at) const { return static_cast<unsigned char>(text_[at]) < 128; }

    /// The character at `at`, which moves behind it.
    UChar32 decode(std::size_t& at) const {
        if (is_ascii(at)) return text_[at++];
        const std::size_t begin = at;
        UChar32 character = 0;
        U8_NEXT(text_.data(), at, end_, character);
        if (character < 0) {
            throw InputError(fmt::format(
                "{}: not UTF-8 at byte {} (0x{:02x}); convert the text, or read it by --tokens byte", name_,
                begin, static_cast<unsigned char>(text_[begin])));
        }
        return character;
    }

    [[nodiscard]] std::size_t end_of_word(std::size_t at) const {
        while (at < end_) {
            std::size_t after = at;
            if (class_of(decode(after)) != CharacterClass::word) break;
            at = after;
        }
        return at;
    }

    void cut_words(std::size_t at) {
        while (at < end_) {
            const std::size_t begin = at;
            const CharacterClass first = class_of(decode(at));
            if (first == CharacterClass::space) continue;
            if (first == CharacterClass::word) at = end_of_word(at);
            add(begin, at);
        }
    }

    void cut_characters(std::size_t at) {
        while (at < end_) {
            const std::size_t begin = at;
            decode(at);
            if (at - begin == 1) {
                add_byte(begin);
            } else {
                add(begin, at);
            }
        }
    }

    void add(std::size_t begin, std::size_t end) {
        corpus_.tokens.push_back(corpus_.table.intern(text_.substr(begin, end - begin)));
    }

    void add_byte(std::size_t at) {
        std::int32_t& number = number_of_byte_[static_cast<unsigned char>(text_[at])];
        if (number < 0) number = corpus_.table.intern(text_.substr(at, 1));
        corpus_.tokens.push_back(number);
    }

    std::string_view text_;
    const std::string& name_;
    Corpus& corpus_;
    std::size_t end_ = 0;                             ///< where decoding stops
    std::array<std::int32_t, 256> number_of_byte_{};  ///< numbers of one-byte tokens; −1: not met yet
};

void append_documents(std::string_view text, const TextOptions& options, const std::string& name,
                      Corpus& corpus) {
    Cutter cutter(text, name, corpus);
    std::size_t begin = 0;
    while (begin < text.size()) {
        std::size_t end = text.size();
        if (options.documents == DocumentKind::line) {
            // Cutting at \r and at \n alike is right for \r\n too: the line between them is empty, hence
            // nothing.
            const auto ends_line = [](char byte) { return byte == '\n' || byte == '\r'; };
            end = std::find_if(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), ends_line) -
                  text.begin();
        }
        cutter.cut(begin, end, options.tokens);
        corpus.end_document();
        begin = end + 1;
    }
}

}  // namespace

void append_text(std::string_view text, const TextOptions& options, const std::string& name, Corpus& corpus) {
    if (!options.lowercase) return append_documents(text, options, name, corpus);
    if (options.tokens == TokenKind::byte) {
        throw InputError("--lowercase folds characters and goes with --tokens word or char, not byte");
    }
    append_documents(Cutter(text, name, corpus).folded(), options, name, corpus);
}

std::string read_text(const std::string& file) {
    if (file != "-") return read_file(file);
    std::string text;
    std::array<char, 1 << 16> buffer{};
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), stdin))
        text.append(buffer.data(), got);
    if (std::ferror(stdin) != 0)
        throw InputError("the standard input cannot be read: " + system_reason(errno));
    return text;
}

std::string printable_token(std::string_view bytes) {
    std::string shown;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t begin = at;
        UChar32 character = 0;
        U8_NEXT(bytes.data(), at, bytes.size(), character);
        const std::string_view raw = bytes.substr(begin, at - begin);
        if (character < 0) {
            for (const char byte : raw) shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
        } else if (character == '\n') {
            shown += "\\n";
        } else if (character == '\r') {
            shown += "\\r";
        } else if (character == '\t') {
            shown += "\\t";
        } else if (character == '\\') {
            shown += "\\\\";
        } else if (character < ' ' || character == 0x7F) {
            shown += fmt::format("\\x{:02x}", character);
        } else if (u_isprint(character) != 0 && (character == ' ' || u_isUWhiteSpace(character) == 0)) {
            shown += raw;
        } else {
            shown += fmt::format("\\u{{{:04X}}}", character);
        }
    }
    return shown;
}

std::string shown_word(const Dataset& dataset, std::int64_t id) {
    if (dataset.vocab.empty()) return fmt::format("#{}", id);
    const std::string shown = printable_token(dataset.vocab[static_cast<std::size_t>(id)]);
    return shown.empty() || shown.find(' ') != std::string::npos ? "'" + shown + "'" : shown;
}

std::string shown_context(const Dataset& dataset, std::int64_t context) {
    if (dataset.context_tokens.empty()) return fmt::format("context {}", context);
    std::string shown;
    for (std::int64_t i = context * dataset.context_length; i < (context + 1) * dataset.context_length; ++i)
        shown += (shown.empty() ? "" : " ") + shown_word(dataset, dataset.context_tokens[i]);
    return shown;
}

}  // namespace ntpgeo
