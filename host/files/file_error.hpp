// How messages about files are worded: names made safe for one line, and the system's own reasons.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ntpgeo {

/// Each byte as \xNN.
std::string spelled(std::string_view bytes);

/// `text` fit for one line of a message, always valid UTF-8: control characters and bytes that are not UTF-8
/// as \xNN, other characters that cannot be seen (line separators, marks of direction) as \u{NNNN}.
std::string escaped(std::string_view text);

/// No more than 4096 bytes of `text`, escaped.
std::string printable(std::string_view text);

/// A path in a message, made printable.
std::string printable(const std::filesystem::path& path);

/// The system's text for an error number (errno): "No space left on device".
std::string system_reason(int error_number);

/// Whether the reason lies in the path that the user gave (too long, no permission, taken by now); any other
/// is the system's trouble.
bool is_fault_of_path(int error_number);

/// Throws "NAME: cannot be WHAT: REASON", InputError for a fault of the path, Failure for any other.
[[noreturn]] void throw_system_error(const std::string& name, std::string_view what, int error_number);

}  // namespace ntpgeo
