#include "host/files/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "host/files/file_error.hpp"
#include "host/files/input_file.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

// Reasons that lie in the path the user gave; any other is the system's trouble.
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
            return true;
        default:
            return false;
    }
}

[[noreturn]] void refuse(const std::string& name, int error_number) {
    const std::string message = fmt::format("{}: cannot be written: {}", name, system_reason(error_number));
    if (is_fault_of_path(error_number)) throw InputError(message);
    throw Failure(message);
}

// The file to be replaced or made. A rename onto a link would destroy the link (/dev/stdout is one), and onto
// a device the device, so both are looked at first.
std::filesystem::path resolve_target(const std::filesystem::path& path, const std::string& name) {
    if (path.empty()) throw InputError("the empty path cannot be written; give a file's name");
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            throw InputError(fmt::format("{}: is a folder; give a file's name", name));
        }
        if (!S_ISREG(status.st_mode)) {
            throw InputError(fmt::format("{}: is a pipe or a device; give a regular file's name", name));
        }
    } else if (errno != ENOENT) {
        refuse(name, errno);
    }
    std::error_code error;
    if (std::filesystem::is_symlink(path, error)) {
        std::filesystem::path target = std::filesystem::canonical(path, error);
        if (error) {
            throw InputError(fmt::format("{}: is a link that leads nowhere; remove it first", name));
        }
        return target;
    }
    if (!path.has_filename()) {
        throw InputError(fmt::format("{}: names a folder; give a file's name", name));
    }
    return path;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

namespace fs = std::filesystem;

constexpr const char* beginning = ".ntpgeo-run-";

/// The folder, open and locked; not open where another process has the lock or the folder is gone.
FileDescriptor lock_folder(const fs::path& path) {
    FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.is_open() || ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return FileDescriptor{};
    return folder;
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path)
    : name_(printable(path)), path_(resolve_target(path, name_)) {
    // Unlike mkstemp, open leaves the mode to the umask. The name does not grow with the file's, so it cannot
    // get too long.
    static std::atomic<std::uint64_t> counter{0};
    const std::filesystem::path folder = folder_of(path_);
    int opened = -1;
    do {
        temporary_ = folder / fmt::format(".ntpgeo-{}-{}.tmp", ::getpid(), counter++);
        opened = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    } while (opened < 0 && (errno == EEXIST || errno == EINTR));
    descriptor_ = FileDescriptor(opened);
    if (!descriptor_.is_open()) {
        const int error_number = errno;
        if (error_number == ENOENT) {
            throw InputError(
                fmt::format("{}: cannot be written: the folder {} does not exist", name_, printable(folder)));
        }
        refuse(name_, error_number);
    }
}

AtomicFile::~AtomicFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what) const {
    const int error_number = errno;
    throw Failure(fmt::format("{}: cannot be {}: {}", name_, what, system_reason(error_number)));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("written");
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void AtomicFile::write(std::string_view text) {
    write(std::as_bytes(std::span(text)));
}

void AtomicFile::commit() {
    if (::fsync(descriptor_.get()) != 0) fail("flushed to disk");
    if (descriptor_.close() != 0) fail("closed");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("put in place");
    temporary_.clear();
    const FileDescriptor folder(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A folder that may be written but not read (mode 3) cannot be opened; the rename stands all the same.
    if (!folder.is_open() && errno == EACCES) return;
    if (!folder.is_open()) fail("made durable (its folder cannot be opened)");
    // Some file systems have no fsync of folders and say EINVAL.
    if (::fsync(folder.get()) != 0 && errno != EINVAL) fail("made durable");
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

std::string read_file(const std::filesystem::path& path) {
    const FileDescriptor descriptor = open_for_reading(path);
    std::string text;
    struct stat status {};
    // One byte more than the size, so that the end is met without growing; a pipe's size is 0.
    std::size_t room = 1 << 16;
    if (::fstat(descriptor.get(), &status) == 0 && status.st_size > 0) {
        room = static_cast<std::size_t>(status.st_size) + 1;
    }
    std::size_t length = 0;
    while (true) {
        if (length == text.size()) text.resize(std::max(room, 2 * length));
        const ssize_t got = ::read(descriptor.get(), text.data() + length, text.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw Failure(fmt::format("{}: cannot be read: {}", printable(path), system_reason(errno)));
        }
        if (got == 0) break;
        length += static_cast<std::size_t>(got);
    }
    text.resize(length);
    return text;
}

TemporaryFolder::TemporaryFolder(const fs::path& wanted) {
    // A sweep may come between the making and the locking, or a process of this number have left its own:
    // then the next one is made. Unlike mkdtemp, mkdir leaves the mode to the umask.
    for (int attempt = 0; attempt < 10 && !lock_.is_open(); ++attempt) {
        path_ = wanted.parent_path() / fmt::format("{}{}-{}", beginning, ::getpid(), attempt);
        if (::mkdir(path_.c_str(), 0777) != 0) {
            path_.clear();
            if (errno == EEXIST) continue;
            break;
        }
        lock_ = lock_folder(path_);
        std::error_code error;
        if (lock_.is_open() && !fs::is_directory(path_, error)) lock_ = FileDescriptor{};
    }
    if (!lock_.is_open())
        throw InputError(fmt::format("{}: cannot be made: {}; give a folder that can be written",
                                     printable(wanted), system_reason(errno)));
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
}

void TemporaryFolder::rename_to(const fs::path& wanted) {
    if (::rename(path_.c_str(), wanted.c_str()) != 0)
        throw Failure(fmt::format("{}: cannot be made: {}", printable(wanted), system_reason(errno)));
    path_.clear();
}

void TemporaryFolder::sweep(const fs::path& parent) {
    std::error_code ignored;
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(parent, ignored), end; entry != end; entry.increment(ignored))
        if (entry->path().filename().string().starts_with(beginning)) found.push_back(entry->path());
    for (const fs::path& folder : found)
        if (const FileDescriptor lock = lock_folder(folder); lock.is_open()) fs::remove_all(folder, ignored);
}

}  // namespace ntpgeo
