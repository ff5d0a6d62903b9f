// Files and folders that appear under their names whole or not at all: made under a temporary name, flushed
// to disk, renamed (design 2.2).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "host/files/input_file.hpp"

namespace ntpgeo {

/// Writes beside `path` under a temporary name (`.ntpgeo-*.tmp`, all that a kill can leave behind); `commit`
/// fsyncs, renames over `path` and fsyncs the folder. Destroyed without commit, it leaves nothing. A symbolic
/// link is followed: the file it names is replaced, the link stays. Throws Failure with the system's reason
/// (a full disk, say), and InputError where `path` cannot be a file (its folder is missing or closed to us,
/// it is a folder or a device).
class AtomicFile {
  public:
    explicit AtomicFile(const std::filesystem::path& path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::span<const std::byte> bytes);
    void write(std::string_view text);

    /// Puts the file in its place; called once, after the last write.
    void commit();

  private:
    [[noreturn]] void fail(const char* what) const;

    std::string name_;                        ///< the path as messages name it
    std::filesystem::path path_, temporary_;  ///< temporary_ is empty once nothing is left to remove
    FileDescriptor descriptor_;
};

/// The whole of `text` as the file `path`, atomically.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// All bytes of a file, a pipe or a device. Throws InputError where it is missing, a folder or unreadable.
std::string read_file(const std::filesystem::path& path);

/// A folder of its own beside the one wanted, removed again unless it was renamed. It is locked while its
/// process lives, so that what killed processes have left can be told from what others are making.
class TemporaryFolder {
  public:
    /// Throws InputError where none can be made there.
    explicit TemporaryFolder(const std::filesystem::path& wanted);
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Gives it its name. Throws Failure where that is taken by now.
    void rename_to(const std::filesystem::path& wanted);

    /// Removes temporary folders in `parent` whose processes are gone. What cannot be removed stays.
    static void sweep(const std::filesystem::path& parent);

  private:
    std::filesystem::path path_;
    FileDescriptor lock_;
};

}  // namespace ntpgeo
