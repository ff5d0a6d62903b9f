#include "host/run/temporary_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

constexpr const char* beginning = ".ntpgeo-run-";

/// The folder, open and locked; not open where another process has the lock or the folder is gone.
FileDescriptor lock_folder(const fs::path& path) {
    FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.is_open() || ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return FileDescriptor{};
    return folder;
}

}  // namespace

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
