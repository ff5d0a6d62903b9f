#include "host/run/newest_whole.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "host/files/file_error.hpp"
#include "host/files/input_file.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// What the message says of the file that it may begin with.
std::string without_name(const std::string& message, const std::filesystem::path& path) {
    const std::string name = printable(path) + ": ";
    return message.starts_with(name) ? message.substr(name.size()) : message;
}

/// A file that is there and closed to us is not damaged: InputError.
std::optional<InputFile> open_if_there(const std::filesystem::path& path) {
    try {
        return InputFile(path);
    } catch (const InputError&) {
        std::error_code error;
        if (std::filesystem::exists(path, error) || error) throw;
        return std::nullopt;
    }
}

}  // namespace

std::string DamagedFile::text() const {
    return fmt::format("{} is damaged ({})", printable(path), reason);
}

std::optional<std::vector<DamagedFile>> read_newest_whole(const std::vector<std::filesystem::path>& files,
                                                          const FileReader& read, const std::string& remedy) {
    std::vector<DamagedFile> damaged;
    bool gone = false;
    for (const std::filesystem::path& path : files) {
        std::optional<InputFile> opened = open_if_there(path);
        gone = gone || !opened;
        if (!opened) continue;
        try {
            read(path, SafetensorsFile(*std::move(opened)));
            return damaged;
        } catch (const InputError& error) {
            damaged.push_back({path, without_name(error.what(), path)});
        }
    }
    if (gone) return std::nullopt;
    if (damaged.empty()) return damaged;
    std::string all;
    for (const DamagedFile& file : damaged) all += file.text() + "; ";
    throw InputError(all + remedy);
}

std::optional<DamagedFile> read_if_whole(const std::filesystem::path& path, const FileReader& read) {
    std::optional<InputFile> opened = open_if_there(path);
    if (!opened) return std::nullopt;
    try {
        read(path, SafetensorsFile(*std::move(opened)));
    } catch (const InputError& error) {
        return DamagedFile{path, without_name(error.what(), path)};
    }
    return std::nullopt;
}

}  // namespace ntpgeo
