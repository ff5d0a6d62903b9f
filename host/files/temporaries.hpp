// What is made under a temporary name, beside where it is wanted, and how what killed processes have left
// under such names is swept away.
#pragma once

#include <filesystem>
#include <string>

#include "host/files/input_file.hpp"

namespace ntpgeo {

/// A name in `folder` that no other process gives: ".ntpgeo-PID-N.tmp", N counting up.
std::filesystem::path temporary_file_name(const std::filesystem::path& folder);

/// Whether `name` is one of a temporary file or folder of this program.
bool is_temporary_name(const std::string& name);

/// Takes the lock by which others see that what is behind `descriptor` is being made. False where another has
/// it; where the file system has no locks there is nothing to take.
bool lock_temporary(const FileDescriptor& descriptor);

/// Removes the temporary files and folders in `folder` that nobody has locked and whose process, by the
/// number in their name, is gone (whichever process has that number by now, where no others may write there).
/// What cannot be removed stays.
void sweep_temporaries(const std::filesystem::path& folder, bool others_may_write = true);

/// A folder of its own beside the one wanted, removed again unless it was renamed. It is locked while its
/// process lives.
class TemporaryFolder {
  public:
    /// Throws InputError where none can be made there.
    explicit TemporaryFolder(const std::filesystem::path& wanted);
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Gives it its name. Throws InputError where that is taken by now.
    void rename_to(const std::filesystem::path& wanted);

  private:
    std::filesystem::path path_;
    FileDescriptor lock_;
};

}  // namespace ntpgeo
