#include "host/files/text.hpp"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "host/files/atomic_file.hpp"
#include "host/files/characters.hpp"
#include "host/files/documents.hpp"
#include "host/files/file_error.hpp"
#include "host/files/sentencepiece.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

enum class CharacterClass : unsigned char { space, word, mark, format, other };

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
    const std::uint32_t category = U_GET_GC_MASK(character);
    if ((category & (U_GC_L_MASK | U_GC_N_MASK)) != 0) return CharacterClass::word;
    if ((category & U_GC_M_MASK) != 0) return CharacterClass::mark;
    if ((category & U_GC_CF_MASK) != 0) return CharacterClass::format;
    return u_isUWhiteSpace(character) ? CharacterClass::space : CharacterClass::other;
}

/// One text on its way into a corpus.
class Cutter {
  public:
    Cutter(std::string_view text, const std::string& name, Corpus& corpus, const SentencePieceModel* model)
        : text_(text), name_(name), corpus_(corpus), model_(model) {
        number_of_byte_.fill(-1);
        if (model_ != nullptr) number_of_piece_.assign(static_cast<std::size_t>(model_->size()), -1);
    }

    void cut(std::size_t begin, std::size_t end, TokenKind kind) {
        document_ = text_.substr(0, end);
        switch (kind) {
            case TokenKind::word:
                return cut_words(begin);
            case TokenKind::character:
                return cut_characters(begin);
            case TokenKind::byte:
                for (; begin < end; ++begin) add_byte(begin);
                return;
            case TokenKind::space:
                return cut_at_spaces(begin);
            case TokenKind::piece:
                return cut_pieces(begin);
        }
    }

  private:
    UChar32 decode(std::size_t& at) const { return character_at(document_, at, name_); }

    /// Where the word ends whose first letter ends at `at`: behind its last letter and that one's marks.
    /// Format characters belong to it where a letter follows them.
    [[nodiscard]] std::size_t end_of_word(std::size_t at) const {
        std::size_t end = at;
        while (at < document_.size()) {
            const bool behind_format = at != end;
            const CharacterClass next = class_of(decode(at));
            if (next == CharacterClass::format) continue;
            if (next != CharacterClass::word && (next != CharacterClass::mark || behind_format)) break;
            end = at;
        }
        return end;
    }

    void cut_words(std::size_t at) {
        while (at < document_.size()) {
            const std::size_t begin = at;
            const CharacterClass first = class_of(decode(at));
            if (first == CharacterClass::space) continue;
            if (first == CharacterClass::word) at = end_of_word(at);
            add(begin, at);
        }
    }

    void cut_characters(std::size_t at) {
        while (at < document_.size()) {
            const std::size_t begin = at;
            decode(at);
            if (at - begin == 1) {
                add_byte(begin);
            } else {
                add(begin, at);
            }
        }
    }

    void cut_at_spaces(std::size_t at) {
        std::size_t begin = at;  // of what stands before `at` since the last space
        while (at < document_.size()) {
            const std::size_t here = at;
            if (class_of(decode(at)) != CharacterClass::space) continue;
            if (begin < here) add(begin, here);
            begin = at;
        }
        if (begin < at) add(begin, at);
    }

    void cut_pieces(std::size_t begin) {
        if (document_.size() - begin > SentencePieceModel::longest)
            throw InputError(
                fmt::format("{}: the document at byte {} has {} bytes; --tokens spm takes {} at once, "
                            "and --documents line or paragraph makes them shorter",
                            name_, begin, document_.size() - begin, SentencePieceModel::longest));
        for (std::size_t at = begin; at < document_.size();) decode(at);  // the library would take anything
        for (const int id : model_->encode(document_.substr(begin))) {
            std::int32_t& number = number_of_piece_[static_cast<std::size_t>(id)];
            if (number < 0) number = corpus_.table.intern(model_->piece(id));
            corpus_.tokens.push_back(number);
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
    const SentencePieceModel* model_;
    std::vector<std::int32_t> number_of_piece_;       ///< numbers of the model's pieces; −1: not met yet
    std::string_view document_;                       ///< the text up to the end of the document being cut
    std::array<std::int32_t, 256> number_of_byte_{};  ///< numbers of one-byte tokens; −1: not met yet
};

void append_documents(std::string_view text, std::size_t begin, const TextOptions& options,
                      const std::string& name, Corpus& corpus, const SentencePieceModel* model) {
    Cutter cutter(text, name, corpus, model);
    while (begin < text.size()) {
        const DocumentPlace document = next_document(text, begin, options.documents);
        cutter.cut(document.begin, document.end, options.tokens);
        corpus.end_document();
        begin = document.next;
    }
}

/// The text composed and folded as the options say, and composed again, for folding can leave what composes:
/// H and U+0331 have no composed form, h and U+0331 have one.
std::string changed(std::string_view text, const TextOptions& options) {
    const bool composes = options.normalize == Normalization::nfc;
    std::string result = composes ? composed(text) : std::string(text);
    if (!options.lowercase) return result;
    result = folded(result);
    return composes ? composed(result) : result;
}

void require_bytes_alone(const TextOptions& options) {
    if (options.lowercase)
        throw InputError("--lowercase folds characters and does not go with --tokens byte");
    if (options.normalize == Normalization::nfc)
        throw InputError("--normalize nfc composes characters and does not go with --tokens byte");
    if (options.invalid == InvalidText::replace)
        throw InputError("--invalid replace writes characters and does not go with --tokens byte");
}

}  // namespace

void append_text(std::string_view text, const TextOptions& options, const std::string& name, Corpus& corpus,
                 const SentencePieceModel* model) {
    if (options.tokens == TokenKind::byte) {
        require_bytes_alone(options);
        return append_documents(text, 0, options, name, corpus, model);
    }
    const std::size_t begin = begin_of_characters(text, name);
    const bool changes = options.lowercase || options.normalize == Normalization::nfc;
    if (options.invalid == InvalidText::replace) {
        const std::string right = replaced(text.substr(begin));
        return append_documents(changes ? changed(right, options) : right, 0, options, name, corpus, model);
    }
    if (!changes) return append_documents(text, begin, options, name, corpus, model);
    require_utf8(text, name);
    append_documents(changed(text.substr(begin), options), 0, options, name, corpus, model);
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
        const auto [character, raw] = next_piece(bytes, at);
        if (character < 0) {
            shown += spelled(raw);
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
