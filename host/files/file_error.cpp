#include "host/files/file_error.hpp"

#include <fmt/format.h>

#include <system_error>

namespace ntpgeo {

std::string printable(std::string_view text) {
    constexpr std::size_t longest = 4096;
    std::string line;
    for (const char character : text.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || byte == 0x7f) {
            line += fmt::format("\\x{:02x}", byte);
        } else {
            line += character;
        }
    }
    if (text.size() > longest) line += "...";
    return line;
}

std::string printable(const std::filesystem::path& path) {
    return printable(std::string_view(path.native()));
}

std::string system_reason(int error_number) {
    return std::generic_category().message(error_number);
}

}  // namespace ntpgeo
