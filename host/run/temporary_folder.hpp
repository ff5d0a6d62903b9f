// A folder that appears under its name complete, or not at all.
#pragma once

#include <filesystem>

#include "host/files/file_descriptor.hpp"

namespace ntpgeo {

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
