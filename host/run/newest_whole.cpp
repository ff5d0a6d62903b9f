#include "host/run/newest_whole.hpp"

#include <fmt/format.h>

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

}  // namespace

std::string DamagedFile::text() const {
    return fmt::format("{} is damaged ({})", printable(path), reason);
}

std::vector<DamagedFile> read_newest_whole(const std::vector<std::filesystem::path>& files,
                                           const FileReader& read, const std::string& remedy) {
    std::vector<DamagedFile> damaged;
    for (const std::filesystem::path& path : files) {
        InputFile opened(path);  // one that is there and closed to us is not damaged
        try {
            read(path, SafetensorsFile(std::move(opened)));
            return damaged;
        } catch (const InputError& error) {
            damaged.push_back({path, without_name(error.what(), path)});
        }
    }
    if (damaged.empty()) return damaged;
    std::string all;
    for (const DamagedFile& file : damaged) all += file.text() + "; ";
    throw InputError(all + remedy);
}

}  // namespace ntpgeo
