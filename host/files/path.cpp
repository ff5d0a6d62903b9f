#include "host/files/path.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "host/files/characters.hpp"
#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

namespace fs = std::filesystem;

fs::path absolute_path(const fs::path& path) {
    if (path.is_absolute()) return path;
    std::error_code error;
    const fs::path current = fs::current_path(error);
    if (error)
        throw InputError(fmt::format("{}: has no whole path, for the current folder is not there: {}",
                                     printable(path), error.message()));
    return current / path;
}

fs::path absolute_folder(const fs::path& path) {
    std::string whole = absolute_path(path).native();
    while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
    return whole;
}

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::string text_of_path(std::string_view path) {
    std::string text;
    for (std::size_t at = 0; at < path.size();) {
        const auto [character, raw] = next_piece(path, at);
        if (character >= 0) {
            text += raw;
            continue;
        }
        for (const char byte : raw) {
            text += '\0';
            text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
        }
    }
    return text;
}

std::optional<std::string> path_of_text(std::string_view text) {
    std::string path;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\0') {
            path += text[at];
            continue;
        }
        const std::string_view digits = text.substr(at + 1, 2);
        unsigned byte = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (digits.size() != 2 || end != digits.data() + 2 || error != std::errc() || byte == 0)
            return std::nullopt;
        path += static_cast<char>(byte);
        at += 2;
    }
    return path;
}

}  // namespace ntpgeo
