#include "host/files/file_error.hpp"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <cerrno>
#include <system_error>

#include "host/files/characters.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

bool cannot_be_seen(UChar32 character) {
    const int type = u_charType(character);
    return type == U_CONTROL_CHAR || type == U_FORMAT_CHAR || type == U_LINE_SEPARATOR ||
           type == U_PARAGRAPH_SEPARATOR;
}

}  // namespace

std::string spelled(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    return text;
}

std::string escaped(std::string_view text) {
    std::string line;
    for (std::size_t at = 0; at < text.size();) {
        const auto [character, raw] = next_piece(text, at);
        if (character < 0x20 || character == 0x7f) {
            line += spelled(raw);
        } else if (cannot_be_seen(character)) {
            line += fmt::format("\\u{{{:04X}}}", static_cast<std::uint32_t>(character));
        } else {
            line += raw;
        }
    }
    return line;
}

std::string printable(std::string_view text) {
    constexpr std::size_t longest = 4096;
    return escaped(text.substr(0, longest)) + (text.size() > longest ? "..." : "");
}

std::string printable(const std::filesystem::path& path) {
    return printable(std::string_view(path.native()));
}

std::string system_reason(int error_number) {
    return std::generic_category().message(error_number);
}

bool is_fault_of_path(int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
        case EISDIR:
        case EACCES:
        case EPERM:
        case EROFS:
        case ENAMETOOLONG:
        case ELOOP:
        case EEXIST:  // it, and what follows: made or taken by another meanwhile
        case ENOTEMPTY:
        case EBUSY:
        case ETXTBSY:
        case ENXIO:   // a pipe that nobody reads, or a device without one
        case EINVAL:  // a name that this file system does not have, as the next
        case EILSEQ:
            return true;
        default:
            return false;
    }
}

void throw_system_error(const std::string& name, std::string_view what, int error_number) {
    const std::string message = fmt::format("{}: cannot be {}: {}", name, what, system_reason(error_number));
    if (is_fault_of_path(error_number)) throw InputError(message);
    throw Failure(message);
}

}  // namespace ntpgeo
