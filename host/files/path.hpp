// Paths as the system takes them, and as files of text keep them. Nothing is folded: where `link` is a
// symbolic link, `link/..` is the folder above its target, and the system alone knows which that is.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ntpgeo {

/// `path` with the current folder before it where it is relative; otherwise every byte stays. Throws
/// InputError where the current folder is gone.
std::filesystem::path absolute_path(const std::filesystem::path& path);

/// absolute_path without the slashes at its end, so that its last part is a name.
std::filesystem::path absolute_folder(const std::filesystem::path& path);

/// The folder that a file or folder lies in: "." where the path is a name alone.
std::filesystem::path folder_of(const std::filesystem::path& path);

/// A path as text in UTF-8, which JSON needs, without loss: a byte that is not part of UTF-8 becomes U+0000
/// and its two hexadecimal digits. No path has a U+0000 of its own, and one that is UTF-8 stays as it is.
std::string text_of_path(std::string_view path);

/// The path that such a text stands for; nullopt where it is none (it has another U+0000, at which the system
/// would cut it off).
std::optional<std::string> path_of_text(std::string_view text);

}  // namespace ntpgeo
