#include "host/files/npy_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string_view>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

// Reads the one form of Python literal that the format allows: {'descr': '<f8', 'fortran_order': False,
// 'shape': (3, 4), }. Python 2 wrote long integers as 3L (on Windows any dimension) and Unicode strings as
// u'descr'; NumPy reads both.
class LiteralParser {
  public:
    LiteralParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    NpyHeader parse() {
        NpyHeader header;
        bool has_descr = false;
        bool has_order = false;
        bool has_shape = false;
        expect('{');
        while (!take('}')) {
            const std::string key = string();
            expect(':');
            if (key == "descr" && !has_descr) {
                header.descr = descr();
                has_descr = true;
            } else if (key == "fortran_order" && !has_order) {
                header.fortran_order = boolean();
                has_order = true;
            } else if (key == "shape" && !has_shape) {
                header.shape = tuple();
                has_shape = true;
            } else {
                malformed();
            }
            if (!take(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (!text_.empty() || !has_descr || !has_order || !has_shape) malformed();
        return header;
    }

  private:
    [[noreturn]] void malformed() const {
        throw InputError(fmt::format(
            "{}: its .npy header is malformed; it must give descr, fortran_order and shape", name_));
    }

    void skip_space() {
        const auto first = text_.find_first_not_of(" \t\r\n");
        text_.remove_prefix(std::min(first, text_.size()));
    }

    bool take(char character) {
        skip_space();
        if (text_.empty() || text_.front() != character) return false;
        text_.remove_prefix(1);
        return true;
    }

    void expect(char character) {
        if (!take(character)) malformed();
    }

    bool take_word(std::string_view word) {
        skip_space();
        if (!text_.starts_with(word)) return false;
        text_.remove_prefix(word.size());
        return true;
    }

    std::string string() {
        skip_space();
        if (text_.starts_with("u'") || text_.starts_with("u\"")) text_.remove_prefix(1);
        const char quote = take('\'') ? '\'' : '"';
        if (quote == '"') expect('"');
        const auto end = text_.find(quote);
        if (end == std::string_view::npos) malformed();
        std::string value(text_.substr(0, end));
        text_.remove_prefix(end + 1);
        return value;
    }

    // A structured dtype is a list of fields and no number.
    std::string descr() {
        skip_space();
        if (text_.starts_with('[')) {
            throw InputError(fmt::format("{}: holds records; a plain array of numbers is needed", name_));
        }
        return string();
    }

    bool boolean() {
        if (take_word("True")) return true;
        if (!take_word("False")) malformed();
        return false;
    }

    std::int64_t integer() {
        skip_space();
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
        if (error != std::errc() || value < 0) malformed();
        text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
        return value;
    }

    std::vector<std::int64_t> tuple() {
        std::vector<std::int64_t> values;
        expect('(');
        while (!take(')')) {
            values.push_back(integer());
            take('L');
            if (!take(',')) {
                expect(')');
                break;
            }
        }
        return values;
    }

    std::string_view text_;
    const std::string& name_;
};

struct HeaderPlace {
    std::uint64_t begin = 0, length = 0;
};

HeaderPlace find_header(const InputFile& file) {
    constexpr std::string_view magic = "\x93NUMPY";
    constexpr std::uint64_t longest = 1 << 20;
    std::array<unsigned char, 12> start{};
    if (file.size() == 0) throw InputError(fmt::format("{}: is empty; a .npy file is needed", file.name()));
    const bool long_enough = file.size() >= start.size();
    if (long_enough) file.read(0, std::as_writable_bytes(std::span(start)));
    if (!long_enough || !std::equal(magic.begin(), magic.end(), start.begin(), [](char a, unsigned char b) {
            return static_cast<unsigned char>(a) == b;
        })) {
        throw InputError(fmt::format("{}: is not a .npy file", file.name()));
    }
    const int version = start[6];
    if (version < 1 || version > 3) {
        throw InputError(
            fmt::format("{}: has .npy version {}; 1, 2 and 3 can be read", file.name(), version));
    }
    HeaderPlace place;
    place.begin = version == 1 ? 10 : 12;
    for (std::uint64_t i = place.begin; i-- > 8;) place.length = place.length * 256 + start.at(i);
    if (place.length > longest) {
        throw InputError(fmt::format("{}: its .npy header would have {} bytes, more than {}", file.name(),
                                     place.length, longest));
    }
    if (place.length > file.size() - place.begin) {
        throw InputError(fmt::format("{}: truncated inside its header", file.name()));
    }
    return place;
}

}  // namespace

NpyHeader read_npy_header(const InputFile& file) {
    const HeaderPlace place = find_header(file);
    std::string text(place.length, '\0');
    file.read(place.begin, std::as_writable_bytes(std::span(text)));
    NpyHeader header = LiteralParser(text, file.name()).parse();
    header.data_offset = place.begin + place.length;
    return header;
}

std::optional<NpyNumber> npy_number(const std::string& descr) {
    if (descr.size() != 3 || std::string_view("<>|").find(descr[0]) == std::string_view::npos ||
        descr[2] < '1' || descr[2] > '8')
        return std::nullopt;
    return NpyNumber{descr[1], static_cast<std::size_t>(descr[2] - '0'),
                     descr[0] == '>' ? std::endian::big : std::endian::little, descr[0] != '|'};
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

}  // namespace ntpgeo
