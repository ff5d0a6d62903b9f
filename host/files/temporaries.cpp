#include "host/files/temporaries.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "engine/settings/parse_number.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view file_beginning = ".ntpgeo-", file_end = ".tmp", folder_beginning = ".ntpgeo-run-";

/// The process that gave a temporary name; nullopt for any other name.
std::optional<std::int64_t> maker_of(std::string_view name) {
    if (name.starts_with(folder_beginning)) {
        name.remove_prefix(folder_beginning.size());
    } else if (name.starts_with(file_beginning) && name.ends_with(file_end)) {
        name.remove_suffix(file_end.size());
        name.remove_prefix(file_beginning.size());
    } else {
        return std::nullopt;
    }
    const std::size_t dash = name.find('-');
    const bool digits_alone = name.find_first_not_of("0123456789-") == std::string_view::npos;
    std::int64_t process = 0, count = 0;
    if (!digits_alone || dash == std::string_view::npos || !parse_number(name.substr(0, dash), process) ||
        !parse_number(name.substr(dash + 1), count))
        return std::nullopt;
    return process;
}

/// Whether no process but this one has the number. In a container every process may have that of its
/// predecessor, and then the lock alone tells.
bool is_gone(std::int64_t process) {
    if (process == ::getpid()) return true;
    return ::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
}

FileDescriptor open_entry(const fs::path& path, int flags) {
    return FileDescriptor(::open(path.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

/// The folder, open and locked; not open where another process has the lock or the folder is gone.
FileDescriptor lock_folder(const fs::path& path) {
    FileDescriptor folder = open_entry(path, O_RDONLY | O_DIRECTORY);
    if (!folder.is_open() || !lock_temporary(folder)) return FileDescriptor{};
    return folder;
}

}  // namespace

fs::path temporary_file_name(const fs::path& folder) {
    static std::atomic<std::uint64_t> counter{0};
    return folder / fmt::format("{}{}-{}{}", file_beginning, ::getpid(), counter++, file_end);
}

bool is_temporary_name(const std::string& name) {
    return maker_of(name).has_value();
}

bool lock_temporary(const FileDescriptor& descriptor) {
    return ::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void sweep_temporaries(const fs::path& folder, bool others_may_write) {
    std::error_code ignored;
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
        const auto maker = maker_of(entry->path().filename().native());
        if (maker && (!others_may_write || is_gone(*maker))) found.push_back(entry->path());
    }
    for (const fs::path& path : found) {
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0) continue;
        const bool is_folder = S_ISDIR(status.st_mode);
        if (is_folder == path.native().ends_with(file_end) || (!is_folder && !S_ISREG(status.st_mode)))
            continue;
        const FileDescriptor entry = open_entry(path, is_folder ? O_RDONLY | O_DIRECTORY : O_RDONLY);
        if (entry.is_open() && lock_temporary(entry)) fs::remove_all(path, ignored);
    }
}

TemporaryFolder::TemporaryFolder(const fs::path& wanted) {
    // A sweep may come between the making and the locking, or a process of this number have left its own:
    // then the next one is made. Unlike mkdtemp, mkdir leaves the mode to the umask.
    for (int attempt = 0; attempt < 10 && !lock_.is_open(); ++attempt) {
        path_ = folder_of(wanted) / fmt::format("{}{}-{}", folder_beginning, ::getpid(), attempt);
        if (::mkdir(path_.c_str(), 0777) != 0) {
            path_.clear();
            if (errno == EEXIST) continue;
            break;
        }
        lock_ = lock_folder(path_);
        std::error_code error;
        if (lock_.is_open() && !fs::is_directory(path_, error)) lock_ = FileDescriptor{};
    }
    if (lock_.is_open()) return;
    const int error_number = errno;
    if (!is_fault_of_path(error_number)) throw_system_error(printable(wanted), "made", error_number);
    throw InputError(fmt::format("{}: cannot be made: {}; give a folder that can be written",
                                 printable(wanted), system_reason(error_number)));
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
}

void TemporaryFolder::rename_to(const fs::path& wanted) {
    if (::rename(path_.c_str(), wanted.c_str()) != 0) throw_system_error(printable(wanted), "made", errno);
    path_.clear();
}

}  // namespace ntpgeo
