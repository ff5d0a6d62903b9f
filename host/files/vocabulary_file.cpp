#include "host/files/vocabulary_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "host/files/atomic_file.hpp"
#include "host/files/characters.hpp"
#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

constexpr std::int32_t characters_of_bytes = 324;  // 256, and the 68 that are no printable Latin-1 again

/// The byte that each character stands for, or −1. Printable characters of Latin-1 stand for themselves, and
/// those from U+0100 on for the other bytes, in their order.
const std::array<std::int16_t, characters_of_bytes>& byte_of_character() {
    static const std::array<std::int16_t, characters_of_bytes> bytes = [] {
        std::array<std::int16_t, characters_of_bytes> table{};
        table.fill(-1);
        std::size_t next = 256;
        for (std::int16_t byte = 0; byte < 256; ++byte) {
            const bool printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
            table.at(printable ? static_cast<std::size_t>(byte) : next++) = byte;
        }
        return table;
    }();
    return bytes;
}

/// Empty where a character stands for no byte.
std::optional<std::string> bytes_of_spelling(const std::string& spelled) {
    std::string bytes;
    for (std::size_t at = 0; at < spelled.size();) {
        const std::int32_t character = next_piece(spelled, at).character;
        if (character < 0 || character >= characters_of_bytes) return std::nullopt;
        const std::int16_t byte = byte_of_character().at(static_cast<std::size_t>(character));
        if (byte < 0) return std::nullopt;
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

/// Tokens by their ids as they come, each id once.
class Names {
  public:
    explicit Names(std::string file) : file_(std::move(file)) {}

    void add(const json& id, const std::string& token, const std::string& spelled) {
        if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
            id.get<std::int64_t>() > std::numeric_limits<std::int32_t>::max())
            throw InputError(fmt::format("{}: the token '{}' has id {}; ids are whole numbers from 0 on",
                                         file_, printable(std::string_view(spelled)), id.dump()));
        const auto [place, is_new] = names_.emplace(id.get<std::int64_t>(), std::pair(token, spelled));
        if (!is_new && place->second.second != spelled)
            throw InputError(fmt::format("{}: the tokens '{}' and '{}' both have id {}", file_,
                                         printable(std::string_view(place->second.second)),
                                         printable(std::string_view(spelled)), place->first));
        place->second.first = token;
    }

    [[nodiscard]] std::vector<std::string> in_order() {
        std::vector<std::string> tokens;
        for (auto& [id, name] : names_) {
            if (id != static_cast<std::int64_t>(tokens.size()))
                throw InputError(fmt::format("{}: no token has id {}; {} tokens have ids up to {}", file_,
                                             tokens.size(), names_.size(), names_.rbegin()->first));
            tokens.push_back(std::move(name.first));
        }
        if (tokens.empty()) throw InputError(fmt::format("{}: holds no token", file_));
        return tokens;
    }

  private:
    std::string file_;
    std::map<std::int64_t, std::pair<std::string, std::string>> names_;  ///< token and spelling by id
};

json parsed(const std::string& text, const std::string& name) {
    try {
        return json::parse(text);
    } catch (const json::parse_error& error) {
        throw InputError(
            fmt::format("{}: is not valid JSON at byte {}; a vocabulary of lines has a name that does "
                        "not end in .json",
                        name, error.byte));
    } catch (const json::exception&) {
        throw InputError(fmt::format("{}: is not valid JSON", name));
    }
}

/// The member of an object, or null.
const json& member(const json& object, const char* key) {
    static const json none;
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

/// Whether that part of tokenizer.json is of type ByteLevel, or a sequence of parts of which one is.
bool is_byte_level(const json& part) {
    const auto has_type = [](const json& one) { return member(one, "type") == "ByteLevel"; };
    const auto one_has = [&](const json& list) {
        return list.is_array() && std::any_of(list.begin(), list.end(), has_type);
    };
    return has_type(part) || one_has(member(part, "pretokenizers")) || one_has(member(part, "decoders"));
}

void add_object(const json& vocabulary, bool byte_level, Names& names) {
    for (const auto& [spelled, id] : vocabulary.items())
        names.add(id, byte_level ? byte_level_token(spelled) : spelled, spelled);
}

std::vector<std::string> read_tokenizer(const json& file, const std::string& name) {
    Names names(name);
    const json& vocabulary = member(member(file, "model"), "vocab");
    const bool byte_level =
        is_byte_level(member(file, "pre_tokenizer")) || is_byte_level(member(file, "decoder"));
    if (vocabulary.is_object()) {
        add_object(vocabulary, byte_level, names);
    } else if (vocabulary.is_array()) {  // of a unigram model: tokens with their scores
        for (std::size_t id = 0; id < vocabulary.size(); ++id) {
            const json& entry = vocabulary[id];
            if (!entry.is_array() || entry.empty() || !entry[0].is_string())
                throw InputError(fmt::format("{}: model.vocab[{}] is no token with its score", name, id));
            names.add(id, entry[0].get<std::string>(), entry[0].get<std::string>());
        }
    } else {
        throw InputError(fmt::format("{}: has no vocabulary at model.vocab", name));
    }
    for (const json& added : member(file, "added_tokens")) {
        const json& content = member(added, "content");
        if (!content.is_string())
            throw InputError(fmt::format("{}: one of its added_tokens has no content", name));
        names.add(member(added, "id"), content.get<std::string>(), content.get<std::string>());
    }
    return names.in_order();
}

bool looks_byte_level(const json& vocabulary) {
    bool has_space = false;
    for (const auto& [spelled, id] : vocabulary.items()) {
        if (!bytes_of_spelling(spelled)) return false;
        has_space = has_space || spelled.starts_with("\u0120");
    }
    return has_space;
}

std::vector<std::string> read_json(const std::string& text, const std::string& name) {
    const json file = parsed(text, name);
    if (!file.is_object())
        throw InputError(
            fmt::format("{}: is neither tokenizer.json nor vocab.json, which are JSON objects", name));
    if (file.contains("model") && file["model"].is_object()) return read_tokenizer(file, name);
    Names names(name);
    add_object(file, looks_byte_level(file), names);
    return names.in_order();
}

std::vector<std::string> read_lines(std::string_view text, const std::string& name) {
    if (const auto encoding = wide_encoding(text))
        throw InputError(
            fmt::format("{}: is {}; convert it (iconv -f {} -t UTF-8)", name, *encoding, *encoding));
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    std::vector<std::string> lines;
    bool all_returns = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        all_returns = all_returns && lines.back().ends_with('\r');
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (lines.empty()) throw InputError(fmt::format("{}: holds no token", name));
    if (all_returns)
        for (std::string& line : lines) line.pop_back();
    return lines;
}

}  // namespace

std::string byte_level_token(const std::string& spelled) {
    return bytes_of_spelling(spelled).value_or(spelled);
}

std::vector<std::string> read_vocabulary(const std::filesystem::path& path) {
    const std::string text = read_file(path), name = printable(path);
    return path.extension() == ".json" ? read_json(text, name) : read_lines(text, name);
}

}  // namespace ntpgeo
