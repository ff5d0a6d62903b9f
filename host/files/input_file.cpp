#include "host/files/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

struct stat status_of(const FileDescriptor& descriptor, const std::string& name) {
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) {
        throw Failure(fmt::format("{}: cannot be examined: {}", name, system_reason(errno)));
    }
    return status;
}

}  // namespace

FileDescriptor open_for_reading(const std::filesystem::path& path) {
    const std::string name = printable(path);
    int opened = -1;
    do {
        opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    } while (opened < 0 && errno == EINTR);
    FileDescriptor descriptor(opened);
    if (!descriptor.is_open()) {
        throw InputError(fmt::format("{}: cannot be opened: {}", name, system_reason(errno)));
    }
    if (S_ISDIR(status_of(descriptor, name).st_mode)) {
        throw InputError(fmt::format("{}: is a folder; a file is needed", name));
    }
    return descriptor;
}

InputFile::InputFile(const std::filesystem::path& path)
    : name_(printable(path)), descriptor_(open_for_reading(path)) {
    const struct stat status = status_of(descriptor_, name_);
    if (!S_ISREG(status.st_mode)) {
        throw InputError(fmt::format("{}: is a pipe or a device; a regular file is needed", name_));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> target) const {
    while (!target.empty()) {
        const ssize_t got =
            ::pread(descriptor_.get(), target.data(), target.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw Failure(
                fmt::format("{}: cannot be read at byte {}: {}", name_, offset, system_reason(errno)));
        }
        if (got == 0) {
            throw InputError(fmt::format("{}: truncated: it ends at byte {}, {} bytes short", name_, offset,
                                         target.size()));
        }
        offset += static_cast<std::uint64_t>(got);
        target = target.subspan(static_cast<std::size_t>(got));
    }
}

}  // namespace ntpgeo
