// Files that appear under their names whole or not at all (design 2.2).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "host/files/input_file.hpp"

namespace ntpgeo {

/// A file that is written where nobody sees it: without any name where the file system has such files
/// (Linux's O_TMPFILE), else under a temporary one beside `path`. `commit` fsyncs, puts it at `path` and
/// fsyncs the folder. Destroyed without commit, it leaves nothing; what a kill leaves (a file with a
/// temporary name) the next AtomicFile in that folder sweeps away.
///
/// A symbolic link is followed: the file it names is replaced, the link stays. The file that is replaced
/// hands on its mode and, where we may, its owner; one that is write-protected is not replaced. Throws
/// Failure with the system's reason (a full disk, say), and InputError where `path` cannot be a file (its
/// folder is missing or closed to us, it is a folder, a device or write-protected).
class AtomicFile {
  public:
    /// Whether it may do without a name.
    enum class Making { unnamed, named };
    explicit AtomicFile(const std::filesystem::path& path, Making making = Making::unnamed);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::span<const std::byte> bytes);
    void write(std::string_view text);

    /// Puts the file in its place, over what is there; called once, after the last write.
    void commit();
    /// Puts the file in its place where nothing is there by then: true. False, and nothing done, otherwise.
    [[nodiscard]] bool commit_new();

  private:
    [[noreturn]] void fail(const char* what) const;
    bool open_unnamed();
    void open_named();
    bool link_as(const std::filesystem::path& name) const;
    bool take_free_place();
    bool put_in_place(bool may_replace);
    void replace();

    std::string name_;            ///< the path as messages name it
    std::filesystem::path path_;  ///< links followed
    std::filesystem::path folder_;
    std::filesystem::path temporary_;  ///< empty where there is no name that is left to remove
    FileDescriptor descriptor_;
    bool is_named_ = false;
};

/// The whole of `text` as the file `path`, atomically.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// The first `bytes` of a regular file, fewer where it has fewer; "" where there is none. Throws InputError
/// where it cannot be read.
std::string beginning_of(const std::filesystem::path& path, std::size_t bytes);

/// All bytes of a file, a pipe or a device. Throws InputError where it is missing, a folder or unreadable.
std::string read_file(const std::filesystem::path& path);

}  // namespace ntpgeo
