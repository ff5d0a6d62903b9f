// How messages about files are worded: names made safe for one line, and the system's own reasons.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ntpgeo {

/// `text` fit for one line of a message: control characters as \xNN, and no more than 4096 bytes of it.
std::string printable(std::string_view text);

/// A path in a message, made printable.
std::string printable(const std::filesystem::path& path);

/// The system's text for an error number (errno): "No space left on device".
std::string system_reason(int error_number);

}  // namespace ntpgeo
