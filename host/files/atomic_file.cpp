#include "host/files/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <system_error>

#include "host/files/file_error.hpp"
#include "host/files/input_file.hpp"
#include "host/files/path.hpp"
#include "host/files/temporaries.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

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
        throw_system_error(name, "written", errno);
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

/// Once a folder and process: what was left there before does not grow while we are at work.
void sweep_once(const std::filesystem::path& folder) {
    static std::mutex mutex;
    static std::set<std::filesystem::path> swept;
    const std::scoped_lock lock(mutex);
    if (swept.insert(folder).second) sweep_temporaries(folder);
}

/// Where the system shows a process its open files, so that one without a name can be given one.
std::string open_file_name(int descriptor) {
    return fmt::format("/proc/self/fd/{}", descriptor);
}

/// Gives the new file the mode and the owner of the one that it is to replace. Throws InputError where that
/// one is write-protected: the system would let us replace it all the same (root even write to it).
void take_over(const struct stat& old, const FileDescriptor& descriptor, const std::string& name,
               const std::filesystem::path& path) {
    if ((old.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0 || ::access(path.c_str(), W_OK) != 0)
        throw InputError(
            fmt::format("{}: is write-protected (its mode is {:04o}); give another name, or make "
                        "it writable: chmod u+w",
                        name, old.st_mode & 07777U));
    struct stat made {};
    const bool known = ::fstat(descriptor.get(), &made) == 0;
    const bool same_owner = known && made.st_uid == old.st_uid && made.st_gid == old.st_gid;
    // Only root may give files away; others may keep the group where they are in it.
    if (!same_owner && ::fchown(descriptor.get(), old.st_uid, old.st_gid) != 0 && made.st_gid != old.st_gid)
        static_cast<void>(::fchown(descriptor.get(), static_cast<uid_t>(-1), old.st_gid) == 0);
    if (::fchmod(descriptor.get(), old.st_mode & 07777U) != 0)
        throw_system_error(name, "given its mode", errno);
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path, Making making)
    : name_(printable(path)), path_(resolve_target(path, name_)), folder_(folder_of(path_)) {
    sweep_once(folder_);
    if (making == Making::named || !open_unnamed()) open_named();
    try {
        if (struct stat old{}; ::stat(path_.c_str(), &old) == 0) take_over(old, descriptor_, name_, path_);
    } catch (...) {
        if (!temporary_.empty()) ::unlink(temporary_.c_str());  // no destructor runs
        throw;
    }
}

/// False where the file system has no files without a name, or the system no way to name them later.
bool AtomicFile::open_unnamed() {
    int opened = -1;
    do {
        opened = ::open(folder_.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);
    } while (opened < 0 && errno == EINTR);
    descriptor_ = FileDescriptor(opened);
    if (descriptor_.is_open() && ::access(open_file_name(opened).c_str(), F_OK) != 0)
        descriptor_ = FileDescriptor();
    // The lock makes the name that it may have for a moment, before it takes another file's, one in use.
    return descriptor_.is_open() && lock_temporary(descriptor_);
}

void AtomicFile::open_named() {
    // Unlike mkstemp, open leaves the mode to the umask. The name does not grow with the file's, so it cannot
    // get too long. A sweep may come between the making and the locking: then the next one is made.
    is_named_ = true;
    for (struct stat status{}; !descriptor_.is_open() || status.st_nlink == 0;) {
        temporary_ = temporary_file_name(folder_);
        descriptor_ =
            FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
        if (!descriptor_.is_open()) {
            const int error_number = errno;
            if (error_number == EEXIST || error_number == EINTR) continue;
            temporary_.clear();
            if (error_number == ENOENT)
                throw InputError(fmt::format("{}: cannot be written: the folder {} does not exist", name_,
                                             printable(folder_)));
            throw_system_error(name_, "written", error_number);
        }
        if (!lock_temporary(descriptor_) || ::fstat(descriptor_.get(), &status) != 0) status.st_nlink = 0;
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

/// Gives the file without a name one. False where that is taken.
bool AtomicFile::link_as(const std::filesystem::path& name) const {
    if (::linkat(AT_FDCWD, open_file_name(descriptor_.get()).c_str(), AT_FDCWD, name.c_str(),
                 AT_SYMLINK_FOLLOW) == 0)
        return true;
    if (errno != EEXIST) throw_system_error(name_, "put in place", errno);
    return false;
}

/// Moves it to its place where nothing is there. False where something is.
bool AtomicFile::take_free_place() {
    if (!is_named_) return link_as(path_);
    int result = ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
    if (result != 0 && errno == EINVAL) {  // this file system does not know the flag
        result = ::link(temporary_.c_str(), path_.c_str());
        if (result == 0) ::unlink(temporary_.c_str());
    }
    if (result != 0 && errno == EEXIST) return false;
    if (result != 0) throw_system_error(name_, "put in place", errno);
    temporary_.clear();
    return true;
}

/// Takes the place of the file that is there: only a name can replace a name.
void AtomicFile::replace() {
    while (!is_named_) {
        temporary_ = temporary_file_name(folder_);
        is_named_ = link_as(temporary_);
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_system_error(name_, "put in place", errno);
    temporary_.clear();
}

bool AtomicFile::put_in_place(bool may_replace) {
    if (::fsync(descriptor_.get()) != 0) fail("flushed to disk");
    if (may_replace && is_named_) {
        replace();
    } else if (!take_free_place()) {
        if (!may_replace) return false;
        replace();
    }
    if (descriptor_.close() != 0) fail("closed");
    const FileDescriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A folder that may be written but not read (mode 3) cannot be opened; the name stands all the same.
    if (!folder.is_open() && errno == EACCES) return true;
    if (!folder.is_open()) fail("made durable (its folder cannot be opened)");
    // Some file systems have no fsync of folders and say EINVAL.
    if (::fsync(folder.get()) != 0 && errno != EINVAL) fail("made durable");
    return true;
}

void AtomicFile::commit() {
    put_in_place(true);
}

bool AtomicFile::commit_new() {
    return put_in_place(false);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

std::string beginning_of(const std::filesystem::path& path, std::size_t bytes) {
    std::error_code ignored;  // what is no file is refused by who would write it
    if (!std::filesystem::is_regular_file(path, ignored)) return "";
    const InputFile file(path);
    std::string text(std::min<std::uint64_t>(bytes, file.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(text)));
    return text;
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

}  // namespace ntpgeo
